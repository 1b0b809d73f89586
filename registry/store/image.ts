import { type ImageConfig, readConfig } from '../oci/config.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { asDiffID, type DiffID } from '../oci/digest.ts'
import { MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES } from '../oci/document.ts'
import { TsbuildError } from '../oci/error.ts'
import { type Manifest, readIndex, readManifest } from '../oci/manifest.ts'
import { type Codec, codecOf, isIndexType, isManifestType, OCI_EMPTY } from '../oci/media-type.ts'
import { formatPlatform, type Platform, rankPlatform } from '../oci/platform.ts'
import type { BlobSource } from './graph.ts'

const MAX_INDEX_DEPTH = 8

/** One layer of an image: what it is, and the blob that holds it. */
export interface ImageLayer {
  readonly diffID: DiffID
  readonly descriptor: Descriptor
  readonly codec: Codec
}

/** One platform's image, with the bytes its digests are of. */
export interface Image {
  readonly descriptor: Descriptor
  readonly manifest: Manifest
  readonly manifestBytes: Uint8Array
  readonly config: ImageConfig
  readonly configBytes: Uint8Array
  /** Bottom first. */
  readonly layers: readonly ImageLayer[]
}

/**
 * Reads manifest and config; of an index the manifest that serves `platform` best, or its first one. Layers are not looked for.
 * Throws BLOB_MISSING, BLOB_MISMATCH, DOCUMENT_INVALID, PLATFORM_MISSING, IMAGE_UNSUPPORTED (an artifact, or layers in a form we cannot read).
 */
export async function readImage(source: BlobSource, descriptor: Descriptor, platform?: Platform): Promise<Image> {
  const chosen = await selectManifest(source, descriptor, platform)
  const what = `manifest ${chosen.digest}`
  const manifestBytes = await source.read(chosen.digest, MAX_MANIFEST_BYTES)
  const manifest = readManifest(manifestBytes, what)
  if (manifest.mediaType !== undefined && manifest.mediaType !== chosen.mediaType) {
    throw new TsbuildError('DOCUMENT_INVALID', `${what}: says it is ${manifest.mediaType}, its descriptor says ${chosen.mediaType}`)
  }
  if (manifest.artifactType !== undefined || manifest.config.mediaType === OCI_EMPTY) {
    throw new TsbuildError('IMAGE_UNSUPPORTED', `${what}: an artifact (${manifest.artifactType ?? manifest.config.mediaType}), no image`)
  }
  const configBytes = await source.read(manifest.config.digest, MAX_CONFIG_BYTES)
  const config = readConfig(configBytes, `config ${manifest.config.digest}`)
  return { descriptor: chosen, manifest, manifestBytes, config, configBytes, layers: layersOf(manifest, config, what) }
}

/** The descriptor of one manifest: `descriptor` itself, or the best for `platform` of the index it is. */
export async function selectManifest(source: BlobSource, descriptor: Descriptor, platform?: Platform): Promise<Descriptor> {
  let current = descriptor
  for (let depth = 0; depth <= MAX_INDEX_DEPTH; depth++) {
    if (isManifestType(current.mediaType)) return current
    if (!isIndexType(current.mediaType)) throw new TsbuildError('IMAGE_UNSUPPORTED', `${current.digest}: ${current.mediaType} is no image`)
    const index = readIndex(await source.read(current.digest, MAX_MANIFEST_BYTES), `index ${current.digest}`)
    current = bestOf(index.manifests, platform, current)
  }
  throw new TsbuildError('DOCUMENT_INVALID', `${descriptor.digest}: indexes nested deeper than ${MAX_INDEX_DEPTH}`)
}

/** An entry without a platform serves any, but an exact one is better. Attestations say unknown/unknown, and so serve none. */
function bestOf(entries: readonly Descriptor[], platform: Platform | undefined, index: Descriptor): Descriptor {
  let best: { rank: number; entry: Descriptor } | undefined
  for (const entry of entries) {
    if (!isManifestType(entry.mediaType) && !isIndexType(entry.mediaType)) continue
    const rank = rankOf(entry, platform)
    if (rank > (best?.rank ?? 0)) best = { rank, entry }
  }
  if (best !== undefined) return best.entry
  const known = entries.flatMap((entry) => (entry.platform === undefined ? [] : [formatPlatform(platformOf(entry.platform))]))
  const wanted = platform === undefined ? 'any platform' : formatPlatform(platform)
  throw new TsbuildError('PLATFORM_MISSING', `${index.digest}: no image for ${wanted}`, {
    hint: known.length === 0 ? undefined : `it has ${known.join(', ')}`,
  })
}

function rankOf(entry: Descriptor, platform: Platform | undefined): number {
  if (entry.platform === undefined) return 1
  if (platform === undefined) return entry.platform.os === 'unknown' ? 0 : 1
  return rankPlatform(platform, platformOf(entry.platform))
}

function platformOf({ os, architecture, variant }: NonNullable<Descriptor['platform']>): Platform {
  return { os, architecture, ...(variant === undefined ? {} : { variant }) }
}

function layersOf(manifest: Manifest, config: ImageConfig, what: string): ImageLayer[] {
  const diffIDs = config.rootfs.diff_ids ?? []
  if (diffIDs.length !== manifest.layers.length) {
    throw new TsbuildError('DOCUMENT_INVALID', `${what}: ${manifest.layers.length} layers, but its config has ${diffIDs.length} diff_ids`)
  }
  return manifest.layers.map((descriptor, i) => {
    const codec = codecOf(descriptor.mediaType)
    const diffID = diffIDs[i]
    if (codec === undefined || diffID === undefined) {
      throw new TsbuildError('IMAGE_UNSUPPORTED', `${what}: layer ${descriptor.digest} is ${descriptor.mediaType}`)
    }
    return { diffID: asDiffID(diffID), descriptor, codec }
  })
}
