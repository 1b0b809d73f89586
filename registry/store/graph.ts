import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { MAX_MANIFEST_BYTES } from '../oci/document.ts'
import { TsbuildError } from '../oci/error.ts'
import { readIndex, readManifest } from '../oci/manifest.ts'
import { isIndexType, isManifestType } from '../oci/media-type.ts'
import type { Blobs } from './blobs.ts'

const MAX_INDEX_DEPTH = 8

/** Where blobs can be read by digest: a store, or an image layout that is elsewhere. */
export type BlobSource = Pick<Blobs, 'stat' | 'read'>

/** All that a descriptor leads to, itself first, each digest once: `present` in the source, or `missing` from it. */
export interface Graph {
  readonly present: readonly Descriptor[]
  readonly missing: readonly Descriptor[]
}

/**
 * Follows indexes and manifests down to configs and layers. `seen` may be shared between calls, so that what several images have in common is read
 * once. Throws DOCUMENT_INVALID for a document that is not what its media type says, BLOB_MISMATCH.
 */
export async function graphOf(source: BlobSource, root: Descriptor, seen = new Set<Digest>()): Promise<Graph> {
  const present: Descriptor[] = []
  const missing: Descriptor[] = []
  async function visit(descriptor: Descriptor, depth: number): Promise<void> {
    if (seen.has(descriptor.digest)) return
    seen.add(descriptor.digest)
    if (depth > MAX_INDEX_DEPTH) throw new TsbuildError('DOCUMENT_INVALID', `${root.digest}: indexes nested deeper than ${MAX_INDEX_DEPTH}`)
    if ((await source.stat(descriptor.digest)) === undefined) return void missing.push(descriptor)
    present.push(descriptor)
    for (const child of await childrenOf(source, descriptor)) await visit(child, depth + 1)
  }
  await visit(root, 0)
  return { present, missing }
}

/** What one blob points to directly: the manifests of an index, config and layers of a manifest, else nothing. */
export async function childrenOf(source: BlobSource, descriptor: Descriptor): Promise<readonly Descriptor[]> {
  const { mediaType, digest } = descriptor
  if (isIndexType(mediaType)) return readIndex(await source.read(digest, MAX_MANIFEST_BYTES), `index ${digest}`).manifests
  if (!isManifestType(mediaType)) return []
  const manifest = readManifest(await source.read(digest, MAX_MANIFEST_BYTES), `manifest ${digest}`)
  return [manifest.config, ...manifest.layers]
}
