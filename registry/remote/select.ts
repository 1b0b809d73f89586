import type { Descriptor } from '../oci/descriptor.ts'
import { TsbuildError } from '../oci/error.ts'
import type { Index } from '../oci/manifest.ts'
import { isIndexType, isManifestType } from '../oci/media-type.ts'
import { formatPlatform, type Platform, platformOf, rankPlatform } from '../oci/platform.ts'

/** BuildKit puts attestations into an index as manifests for no platform. */
const UNKNOWN = 'unknown'

/**
 * The entries of an index that may hold an image for `platform`, best first; entries of equal rank in their order (image-spec v1.1, image-index.md).
 * Entries without a platform come last: what they are for is in their config, or further below. Throws PLATFORM_MISSING, naming what there is.
 */
export function candidatesFor(index: Index, platform: Platform, name: string): Descriptor[] {
  const entries = index.manifests.filter(({ mediaType }) => isManifestType(mediaType) || isIndexType(mediaType))
  const rank = ({ platform: have }: Descriptor) => (have === undefined ? 0.5 : rankPlatform(platform, platformOf(have)))
  const candidates = entries.filter((entry) => rank(entry) > 0).sort((a, b) => rank(b) - rank(a))
  if (candidates.length > 0) return candidates
  throw noPlatform(name, platform, platformsOf(index))
}

/** The platforms an index lists, as text, each once. */
export function platformsOf(index: Index): string[] {
  const named = index.manifests.flatMap(({ platform }) => (platform === undefined || platform.os === UNKNOWN ? [] : [platform]))
  return [...new Set(named.map((platform) => formatPlatform(platformOf(platform))))]
}

/** PLATFORM_MISSING. */
export function noPlatform(name: string, platform: Platform, have: readonly string[]): TsbuildError {
  const list = have.length === 0 ? 'none' : have.slice(0, 30).join(', ')
  return new TsbuildError('PLATFORM_MISSING', `${name} has no image for ${formatPlatform(platform)}; there is ${list}`, {
    hint: 'choose one of these with --platform',
  })
}
