import {
  array,
  type InferOutput,
  integer,
  looseObject,
  minValue,
  number,
  object,
  optional,
  pipe,
  record,
  regex,
  string,
  unknown,
} from 'valibot'
import { type Descriptor, digestSchema } from '../../registry/oci/descriptor.ts'
import { asDiffID, type DiffID, type Digest, digestOf } from '../../registry/oci/digest.ts'
import { readDocument } from '../../registry/oci/document.ts'
import { TsbuildError } from '../../registry/oci/error.ts'
import { readManifest } from '../../registry/oci/manifest.ts'
import { codecOf, OCI_MANIFEST } from '../../registry/oci/media-type.ts'
import type { ManifestBytes } from '../../registry/remote/manifests.ts'
import type { StepRecord } from '../cache.ts'
import { INLINE_CACHE } from '../image.ts'
import type { SharedMount } from './mounts.ts'

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
const mountSchema = looseObject({ name: pipe(string(), regex(/^[0-9a-f]{64}$/)), saved: string(), chunks: array(digestSchema) })
const configSchema = object({
  version: pipe(number(), integer(), minValue(1)),
  records: array(recordSchema),
  mounts: optional(array(mountSchema), []),
})
const inlineSchema = looseObject({ [INLINE_CACHE]: optional(unknown()) })

/** Steps and cache mounts. */
export interface SharedContent {
  readonly steps: readonly SharedStep[]
  readonly mounts: readonly SharedMount[]
}

/** Both as config and manifest; the newest steps where there are too many. Equal content gives equal bytes. */
export function encodeCache(content: SharedContent): { readonly config: ManifestBytes; readonly manifest: ManifestBytes } {
  const { steps: all, mounts } = unionOf([content])
  const chunks = new Map(mounts.flatMap((mount) => mount.chunks).map(({ diffID, blob }) => [blob.digest, layerOf(diffID, blob)]))
  const kept = newest(all, MAX_CACHE_LAYERS - chunks.size)
  const layers = new Map([...kept.map(({ record, blob }) => [blob.digest, layerOf(record.diffID, blob)] as const), ...chunks])
  const packed = mounts.map(({ name, saved, chunks: own }) => ({ name, saved, chunks: own.map(({ diffID }) => diffID) }))
  const config = documentOf(CACHE_CONFIG, JSON.stringify({ version: VERSION, records: kept.map(recordOf), mounts: packed }))
  const text = JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    artifactType: CACHE_CONFIG,
    config: config.descriptor,
    layers: [...layers.values()],
  })
  return { config, manifest: documentOf(OCI_MANIFEST, text) }
}

/** What a cache manifest has, from its config. What lacks a layer, and what is of another version, is left out. Throws DOCUMENT_INVALID. */
export function decodeCache(manifestBytes: Uint8Array, configBytes: Uint8Array, what: string): SharedContent {
  const manifest = readManifest(manifestBytes, what)
  const blobs = new Map<DiffID, Descriptor>()
  for (const { mediaType, digest, size, annotations } of manifest.layers) {
    const diffID = annotations?.[DIFF_ID]
    if (diffID !== undefined && codecOf(mediaType) !== undefined) blobs.set(diffID as DiffID, { mediaType, digest, size })
  }
  const { version, records, mounts } = readDocument(configSchema, configBytes, `cache ${what}`)
  if (version !== VERSION) return { steps: [], mounts: [] }
  return { steps: records.flatMap((one) => stepOf(one, blobs)), mounts: mounts.flatMap((one) => mountOf(one, blobs)) }
}

function mountOf({ name, saved, chunks }: InferOutput<typeof mountSchema>, blobs: ReadonlyMap<DiffID, Descriptor>): SharedMount[] {
  const known = chunks.flatMap((digest) => {
    const [diffID, blob] = [asDiffID(digest), blobs.get(asDiffID(digest))]
    return blob === undefined ? [] : [{ diffID, blob }]
  })
  return known.length === chunks.length ? [{ name, saved, chunks: known }] : []
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

/** Each step and mount once, the newest of each; the same order for the same content. */
export function unionOf(contents: readonly SharedContent[]): SharedContent {
  const steps = new Map<Digest, SharedStep>()
  const mounts = new Map<string, SharedMount>()
  for (const content of contents) {
    for (const step of content.steps) if (isNewer(step.record.created, steps.get(step.key)?.record.created)) steps.set(step.key, step)
    for (const mount of content.mounts) if (isNewer(mount.saved, mounts.get(mount.name)?.saved)) mounts.set(mount.name, mount)
  }
  return { steps: [...steps.values()].sort(byKey), mounts: [...mounts.values()].sort((a, b) => (a.name < b.name ? -1 : 1)) }
}

/** Whether all of `content` is in `known`, mounts by what they hold. */
export function isWithin(content: SharedContent, known: SharedContent): boolean {
  const keys = new Set(known.steps.map(({ key }) => key))
  const textOf = ({ name, chunks }: SharedMount) => `${name} ${chunks.map(({ diffID }) => diffID).join()}`
  const mounts = new Set(known.mounts.map(textOf))
  return content.steps.every(({ key }) => keys.has(key)) && content.mounts.every((mount) => mounts.has(textOf(mount)))
}

/** Times as ISO 8601. */
function isNewer(time: string, than: string | undefined): boolean {
  return than === undefined || than < time
}

function newest(steps: readonly SharedStep[], limit: number): readonly SharedStep[] {
  if (steps.length <= limit) return steps
  return [...steps]
    .sort((a, b) => (a.record.created < b.record.created ? 1 : -1))
    .slice(0, Math.max(0, limit))
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
