import { readConfig } from '../oci/config.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { asDiffID, type DiffID, type Digest } from '../oci/digest.ts'
import { MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES } from '../oci/document.ts'
import { hasCode, TsbuildError } from '../oci/error.ts'
import { readIndex, readManifest } from '../oci/manifest.ts'
import { DOCKER_CONFIG, isIndexType, isManifestType, OCI_CONFIG } from '../oci/media-type.ts'
import type { Blobs } from './blobs.ts'
import { mismatch } from './verified.ts'

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
    const stat = await source.stat(descriptor.digest)
    if (stat === undefined) return void missing.push(descriptor)
    if (stat.size !== descriptor.size) throw mismatch(descriptor, stat.size)
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

/** The DiffIDs that the image configs among these say. Configs of other things (artifacts) have none, whatever type a client pushed them under. */
export async function diffIDsOf(source: BlobSource, descriptors: readonly Descriptor[]): Promise<DiffID[]> {
  const diffIDs: DiffID[] = []
  for (const { mediaType, digest } of descriptors) {
    if (mediaType !== OCI_CONFIG && mediaType !== DOCKER_CONFIG) continue
    for (const diffID of await diffIDsIn(source, digest)) diffIDs.push(asDiffID(diffID))
  }
  return diffIDs
}

async function diffIDsIn(source: BlobSource, config: Digest): Promise<readonly Digest[]> {
  try {
    return readConfig(await source.read(config, MAX_CONFIG_BYTES), `config ${config}`).rootfs.diff_ids ?? []
  } catch (error) {
    // A name for it is fine: what cannot be unpacked has no tables of contents.
    if (hasCode(error, 'DOCUMENT_INVALID') || hasCode(error, 'BLOB_TOO_LARGE')) return []
    throw error
  }
}
