import { looseObject, optional, string } from 'valibot'
import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, type Digest, digestOf, parseDigest } from '../oci/digest.ts'
import { MAX_MANIFEST_BYTES, readDocument } from '../oci/document.ts'
import { readIndex, readManifest } from '../oci/manifest.ts'
import { isIndexType, isManifestType, isNondistributable } from '../oci/media-type.ts'
import type { Store } from '../store/store.ts'
import { type Reply, refuse, reply } from './reply.ts'
import type { Repository } from './repository.ts'
import { isTag } from './route.ts'

export type ManifestKey = { readonly tag: string } | { readonly digest: Digest }

/** A tag or digest of a path; undefined when it is neither. Throws DIGEST_INVALID. */
export function keyOf(text: string): ManifestKey | undefined {
  if (text.includes(':')) return { digest: parseDigest(text) }
  return isTag(text) ? { tag: text } : undefined
}

/** GET and HEAD, byte for byte as it was pushed or built. distribution-spec v1.1, "Pulling manifests". */
export async function getManifest(store: Store, repository: Repository, key: ManifestKey): Promise<Reply> {
  const found = await repository.find(key)
  if (found === undefined) return unknown(key)
  const bytes = await store.blobs.read(found.digest, MAX_MANIFEST_BYTES)
  const headers = { 'content-type': found.mediaType, 'content-length': String(bytes.length), 'docker-content-digest': found.digest }
  return reply(200, { ...headers, etag: `"${found.digest}"` }, bytes)
}

/** PUT: only what leads to blobs that are here gets a name. distribution-spec v1.1, "Pushing Manifests". */
export async function putManifest(
  store: Store,
  repository: Repository,
  { key, bytes, contentType }: { key: ManifestKey; bytes: Uint8Array; contentType: string | undefined },
): Promise<Reply> {
  const digest = digestOf(bytes, 'digest' in key ? algorithmOf(key.digest) : 'sha256')
  if ('digest' in key && key.digest !== digest) return refuse(400, 'DIGEST_INVALID', `what was sent is ${digest}`)
  const head = readDocument(looseObject({ mediaType: optional(string()) }), bytes, 'manifest')
  const claimed = contentType?.split(';')[0]?.trim() || undefined
  const mediaType = claimed ?? head.mediaType ?? ''
  if (head.mediaType !== undefined && head.mediaType !== mediaType) {
    return refuse(400, 'MANIFEST_INVALID', 'Content-Type and the mediaType of the manifest differ')
  }
  if (!isIndexType(mediaType) && !isManifestType(mediaType)) {
    return refuse(400, 'MANIFEST_INVALID', 'neither a manifest nor an index of OCI or of Docker schema 2')
  }
  const { needs, subject } = contentOf(bytes, mediaType)
  for (const descriptor of needs) {
    if ((await store.blobs.stat(descriptor.digest))?.size === descriptor.size) continue
    return refuse(
      400,
      isIndexType(mediaType) ? 'MANIFEST_UNKNOWN' : 'MANIFEST_BLOB_UNKNOWN',
      `${descriptor.digest} is not here, or has another size`,
    )
  }
  await store.blobs.put(bytes, algorithmOf(digest))
  await repository.set(key, { mediaType, digest, size: bytes.length })
  const headers = { location: `/v2/${repository.name}/manifests/${digest}`, 'docker-content-digest': digest, 'content-length': '0' }
  return reply(201, subject === undefined ? headers : { ...headers, 'oci-subject': subject.digest })
}

/** DELETE of a tag, or of a manifest with its tags. distribution-spec v1.1, "Deleting tags" and "Deleting Manifests". */
export async function deleteManifest(repository: Repository, key: ManifestKey): Promise<Reply> {
  const outcome = await repository.delete(key)
  if (outcome === 'unknown') return unknown(key)
  if (outcome === 'kept') return refuse(403, 'DENIED', 'it was not pushed here, or an index still holds it')
  return reply(202, { 'content-length': '0' })
}

/** What must be here before a manifest may; a subject may come later. */
function contentOf(bytes: Uint8Array, mediaType: string): { needs: readonly Descriptor[]; subject: Descriptor | undefined } {
  if (isIndexType(mediaType)) {
    const { manifests, subject } = readIndex(bytes, 'index')
    return { needs: manifests, subject }
  }
  const { config, layers, subject } = readManifest(bytes, 'manifest')
  return { needs: [config, ...layers].filter((blob) => !isNondistributable(blob.mediaType)), subject }
}

function unknown(key: ManifestKey): Reply {
  return refuse(404, 'MANIFEST_UNKNOWN', `no manifest ${'tag' in key ? key.tag : key.digest} here`)
}
