import { array, type InferOutput, literal, looseObject, maxLength, optional, pipe, string } from 'valibot'
import { annotationsSchema, descriptorSchema } from './descriptor.ts'
import { readDocument } from './document.ts'
import { TsbuildError } from './error.ts'

const MAX_LAYERS = 1000
const MAX_INDEX_ENTRIES = 10_000

const manifestSchema = looseObject({
  schemaVersion: literal(2),
  mediaType: optional(string()),
  artifactType: optional(string()),
  config: descriptorSchema,
  layers: pipe(array(descriptorSchema), maxLength(MAX_LAYERS)),
  subject: optional(descriptorSchema),
  annotations: optional(annotationsSchema),
})
const indexSchema = looseObject({
  schemaVersion: literal(2),
  mediaType: optional(string()),
  artifactType: optional(string()),
  manifests: pipe(array(descriptorSchema), maxLength(MAX_INDEX_ENTRIES)),
  subject: optional(descriptorSchema),
  annotations: optional(annotationsSchema),
})

/** One platform's image: config and layers. image-spec v1.1, manifest.md. */
export type Manifest = InferOutput<typeof manifestSchema>
/** A list of manifests. image-spec v1.1, image-index.md. */
export type Index = InferOutput<typeof indexSchema>

/** Throws DOCUMENT_INVALID, also for a document that is a manifest and an index at once (CVE-2021-41190). */
export function readManifest(bytes: Uint8Array, what: string): Manifest {
  const manifest = readDocument(manifestSchema, bytes, what)
  if ('manifests' in manifest) throw ambiguous(what)
  return manifest
}

/** As `readManifest`, for an index. */
export function readIndex(bytes: Uint8Array, what: string): Index {
  const index = readDocument(indexSchema, bytes, what)
  if ('layers' in index || 'config' in index) throw ambiguous(what)
  return index
}

function ambiguous(what: string): TsbuildError {
  return new TsbuildError('DOCUMENT_INVALID', `${what}: has both layers and manifests, so its meaning depends on the reader`)
}
