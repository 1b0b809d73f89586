import type { History, ImageConfig, RunConfig } from '../registry/oci/config.ts'
import type { Descriptor } from '../registry/oci/descriptor.ts'
import { OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from '../registry/oci/media-type.ts'
import type { Platform } from '../registry/oci/platform.ts'
import type { Blobs } from '../registry/store/blobs.ts'
import type { LayerRef } from './deps.ts'

/** One entry of the history to be: `layer` undefined where the instruction made none. */
export interface HistoryEntry {
  readonly createdBy: string
  readonly layer: { readonly created: string } | undefined
}

/** Everything that makes an image. */
export interface ImageParts {
  readonly base: ImageConfig | undefined
  readonly config: RunConfig
  readonly author: string | undefined
  readonly platform: Platform
  /** Of the whole chain, the base's first. */
  readonly layers: readonly LayerRef[]
  /** Of the build's own instructions. */
  readonly history: readonly HistoryEntry[]
  /** Seconds since the epoch (SOURCE_DATE_EPOCH): no own time is later. */
  readonly epoch: number | undefined
  /** Further fields of the config: an inline cache. */
  readonly inline: Readonly<Record<string, unknown>> | undefined
}

/** The time of an image that has no layer and no base: nothing in it has a time, and equal builds are to be equal. */
const NO_TIME = '1970-01-01T00:00:00Z'

/** `--cache-to type=inline`: records of the steps that made the layers. */
export const INLINE_CACHE = 'tsbuild.cache.v1'

const COMMENT = 'buildkit.dockerfile.v0'

/** Writes config and manifest; equal parts give equal bytes. */
export async function writeImage(parts: ImageParts, blobs: Blobs): Promise<{ readonly manifest: Descriptor; readonly config: Descriptor }> {
  const configBytes = Buffer.from(JSON.stringify(imageConfig(parts)))
  const config = { mediaType: OCI_CONFIG, digest: await blobs.put(configBytes), size: configBytes.length }
  const layers = parts.layers.map(({ blob }) => ({ mediaType: blob.mediaType, digest: blob.digest, size: blob.size }))
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers }, null, 2))
  return {
    manifest: { mediaType: OCI_MANIFEST, digest: await blobs.put(bytes), size: bytes.length, platform: { ...parts.platform } },
    config,
  }
}

/** Writes an index of images, in their order. `platform` is what each is for. */
export async function writeIndex(
  images: readonly { readonly manifest: Descriptor; readonly platform: Platform }[],
  blobs: Blobs,
): Promise<Descriptor> {
  const manifests = images.map(({ manifest: { mediaType, digest, size }, platform: { architecture, os, ...rest } }) => ({
    mediaType,
    digest,
    size,
    platform: { architecture, os, ...rest },
  }))
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }, null, 2))
  return { mediaType: OCI_INDEX, digest: await blobs.put(bytes), size: bytes.length }
}

/** Keys in alphabetical order at the top, as BuildKit writes them; unknown top-level keys of the base are kept. image-spec v1.1, config.md. */
export function imageConfig(parts: ImageParts): Record<string, unknown> {
  const { base, platform } = parts
  const history = [...baseHistory(base), ...ownHistory(parts)]
  const created = history.at(-1)?.created ?? NO_TIME
  const author = parts.author ?? base?.author
  const document: Record<string, unknown> = {
    ...base,
    [INLINE_CACHE]: undefined, // the base's is about its own steps
    ...parts.inline,
    variant: undefined,
    'os.version': base?.os === platform.os ? base['os.version'] : undefined,
    ...platform,
    ...(author === undefined ? {} : { author }),
    config: orderedConfig(parts.config),
    created,
    history,
    rootfs: { type: 'layers', diff_ids: parts.layers.map((layer) => layer.diffID) },
  }
  return sortKeys(document) // undefined fields are not written by JSON.stringify
}

/** The base's entries as they are; more layers in them than it has are marked empty from the bottom, as BuildKit does. */
function baseHistory(base: ImageConfig | undefined): History[] {
  const history = [...(base?.history ?? [])]
  const layers = base?.rootfs.diff_ids?.length ?? 0
  let surplus = history.filter((entry) => entry.empty_layer !== true).length - layers
  for (let i = 0; surplus > 0 && i < history.length; i++) {
    const entry = history[i]
    if (entry === undefined || entry.empty_layer === true) continue
    history[i] = { ...entry, empty_layer: true }
    surplus -= 1
  }
  for (; surplus < 0; surplus++) history.push({ created_by: '', comment: 'buildkit.exporter.image.v0' })
  return history
}

/** An entry without a layer has the time of the layer before it, or of the first one. */
function ownHistory(parts: ImageParts): History[] {
  const first = parts.history.find((entry) => entry.layer !== undefined)?.layer?.created ?? parts.base?.created ?? NO_TIME
  let time = first
  return parts.history.map((entry) => {
    time = entry.layer?.created ?? time
    return {
      created: clampTime(time, parts.epoch),
      created_by: entry.createdBy,
      comment: COMMENT,
      ...(entry.layer === undefined ? { empty_layer: true } : {}),
    }
  })
}

function clampTime(time: string, epoch: number | undefined): string {
  return epoch !== undefined && Date.parse(time) > epoch * 1000 ? new Date(epoch * 1000).toISOString().replace('.000Z', 'Z') : time
}

const CONFIG_ORDER: readonly (keyof RunConfig)[] = [
  'User',
  'ExposedPorts',
  'Env',
  'Entrypoint',
  'Cmd',
  'Volumes',
  'WorkingDir',
  'Labels',
  'StopSignal',
  'ArgsEscaped',
  'Healthcheck',
  'Shell',
  'OnBuild',
]
const SORTED_SETS = new Set<string>(['ExposedPorts', 'Volumes', 'Labels'])

/** Known fields in the order of Docker's config struct, sets and maps sorted, empty ones left out; unknown fields of the base after them. */
function orderedConfig(config: RunConfig): Record<string, unknown> {
  const unknown = Object.keys(config).filter((key) => !CONFIG_ORDER.includes(key))
  const ordered: Record<string, unknown> = {}
  for (const key of [...CONFIG_ORDER, ...unknown]) {
    const value = config[key]
    if (value === undefined || value === null || value === '') continue
    ordered[key] = SORTED_SETS.has(String(key)) ? sortKeys(value) : value
  }
  return ordered
}

function sortKeys(value: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}
