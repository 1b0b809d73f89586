import { array, type InferOutput, integer, looseObject, minValue, number, object, optional, pipe, record, string, unknown } from 'valibot'
import { type Descriptor, digestSchema } from '../../registry/oci/descriptor.ts'
import { asDiffID, type DiffID, type Digest, digestOf } from '../../registry/oci/digest.ts'
import { readDocument } from '../../registry/oci/document.ts'
import { TsbuildError } from '../../registry/oci/error.ts'
import { readManifest } from '../../registry/oci/manifest.ts'
import { codecOf, OCI_MANIFEST } from '../../registry/oci/media-type.ts'
import type { ManifestBytes } from '../../registry/remote/manifests.ts'
import type { StepRecord } from '../cache.ts'
import { INLINE_CACHE } from '../image.ts'

/**
 * A cache as an OCI artifact: a manifest whose config holds the records of steps and whose layers are the layers that they made, so that a registry keeps
 * them as long as the manifest. A record names its layer by DiffID; a layer says its own in the annotation that containerd uses.
 */
export const CACHE_CONFIG = 'application/vnd.tsbuild.cache.v1+json'
const DIFF_ID = 'containerd.io/uncompressed'
const VERSION = 1
/** Manifests with more are refused by our own readers, too. The newest stay. */
export const MAX_CACHE_LAYERS = 900
export const MAX_CACHE_CONFIG_BYTES = 16 << 20

/** A step that somebody has done: its record, and the layer that it made as a blob. */
export interface SharedStep {
  readonly key: Digest
  readonly record: StepRecord
  readonly blob: Descriptor
}

const traitsSchema = looseObject({
  project: string(),
  subject: string(),
  title: string(),
  parent: object({ title: string(), image: optional(string()) }),
  files: optional(string()),
})
const recordSchema = looseObject({
  key: digestSchema,
  diffID: digestSchema,
  created: string(),
  parts: record(string(), string()),
  producer: string(),
  traits: optional(traitsSchema),
})
const configSchema = object({ version: pipe(number(), integer(), minValue(1)), records: array(recordSchema) })
const inlineSchema = looseObject({ [INLINE_CACHE]: optional(unknown()) })

/** The steps as config and manifest; the newest where there are too many. Equal steps give equal bytes. */
export function encodeCache(steps: readonly SharedStep[]): { readonly config: ManifestBytes; readonly manifest: ManifestBytes } {
  const kept = newest(steps)
  const layers = new Map(kept.map(({ record, blob }) => [blob.digest, layerOf(record.diffID, blob)]))
  const config = documentOf(CACHE_CONFIG, JSON.stringify({ version: VERSION, records: kept.map(recordOf) }))
  const text = JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    artifactType: CACHE_CONFIG,
    config: config.descriptor,
    layers: [...layers.values()],
  })
  return { config, manifest: documentOf(OCI_MANIFEST, text) }
}

/** The steps of a cache manifest, from its config. Steps without a layer, and of another version, are left out. Throws DOCUMENT_INVALID. */
export function decodeCache(manifestBytes: Uint8Array, configBytes: Uint8Array, what: string): SharedStep[] {
  const manifest = readManifest(manifestBytes, what)
  const blobs = new Map<DiffID, Descriptor>()
  for (const { mediaType, digest, size, annotations } of manifest.layers) {
    const diffID = annotations?.[DIFF_ID]
    if (diffID !== undefined && codecOf(mediaType) !== undefined) blobs.set(diffID as DiffID, { mediaType, digest, size })
  }
  const { version, records } = readDocument(configSchema, configBytes, `cache ${what}`)
  return version === VERSION ? records.flatMap((one) => stepOf(one, blobs)) : []
}

/** The records of an image's own layers, for its config: `--cache-to type=inline`. */
export function inlineRecords(steps: readonly SharedStep[]): Readonly<Record<string, unknown>> {
  return { [INLINE_CACHE]: [...steps].sort(byKey).map(recordOf) }
}

/** The steps that an image's config holds, if any; `layers` are the image's own. */
export function decodeInline(
  config: unknown,
  layers: readonly { readonly diffID: DiffID; readonly descriptor: Descriptor }[],
): SharedStep[] {
  const text = Buffer.from(JSON.stringify({ version: VERSION, records: readInline(config) }))
  const { records } = readDocument(configSchema, text, 'cache in the config of an image')
  const blobs = new Map(layers.map(({ diffID, descriptor }) => [diffID, descriptor]))
  return records.flatMap((one) => stepOf(one, blobs))
}

function readInline(config: unknown): unknown {
  const { [INLINE_CACHE]: records = [] } = readDocument(inlineSchema, Buffer.from(JSON.stringify(config)), 'config of an image')
  return records
}

/** Each key once, its newest record; the same order for the same steps. */
export function unionOf(steps: readonly SharedStep[]): SharedStep[] {
  const byKeyOnce = new Map<Digest, SharedStep>()
  for (const step of steps) {
    const known = byKeyOnce.get(step.key)
    if (known === undefined || known.record.created < step.record.created) byKeyOnce.set(step.key, step)
  }
  return [...byKeyOnce.values()].sort(byKey)
}

function newest(steps: readonly SharedStep[]): SharedStep[] {
  const union = unionOf(steps)
  if (union.length <= MAX_CACHE_LAYERS) return union
  return [...union]
    .sort((a, b) => (a.record.created < b.record.created ? 1 : -1))
    .slice(0, MAX_CACHE_LAYERS)
    .sort(byKey)
}

function byKey(a: SharedStep, b: SharedStep): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0
}

/** Without what is of one machine alone. */
function recordOf({ key, record: { diffID, created, parts, producer, traits } }: SharedStep) {
  return { key, diffID, created, parts, producer, traits }
}

function stepOf(one: InferOutput<typeof recordSchema>, blobs: ReadonlyMap<DiffID, Descriptor>): SharedStep[] {
  const { key, created, parts, producer, traits } = one
  const diffID = asDiffID(one.diffID)
  const blob = blobs.get(diffID)
  return blob === undefined ? [] : [{ key, record: { diffID, created, parts, producer, traits }, blob }]
}

function layerOf(diffID: DiffID, { mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size, annotations: { [DIFF_ID]: diffID } }
}

function documentOf(mediaType: string, text: string): ManifestBytes {
  const bytes = Buffer.from(text)
  if (bytes.length > MAX_CACHE_CONFIG_BYTES) throw new TsbuildError('CACHE_TOO_LARGE', `the cache has ${bytes.length} bytes of records`)
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes }
}
