import type { Descriptor } from '../oci/descriptor.ts'
import { parseDigest } from '../oci/digest.ts'
import { MAX_MANIFEST_BYTES } from '../oci/document.ts'
import { readIndex, readManifest } from '../oci/manifest.ts'
import { isIndexType, OCI_EMPTY, OCI_INDEX } from '../oci/media-type.ts'
import type { Store } from '../store/store.ts'
import { json, type Reply } from './reply.ts'
import type { Repository } from './repository.ts'

/** GET: an index of what has the digest as its subject, empty when nothing has. distribution-spec v1.1, "Listing Referrers". */
export async function getReferrers(
  store: Store,
  repository: Repository,
  request: { digest: string; query: URLSearchParams },
): Promise<Reply> {
  const subject = parseDigest(request.digest)
  const wanted = request.query.get('artifactType')
  const manifests: Descriptor[] = []
  for (const descriptor of await repository.manifests()) {
    const referrer = referrerOf(descriptor, await store.blobs.read(descriptor.digest, MAX_MANIFEST_BYTES))
    if (referrer.subject !== subject) continue
    if (wanted === null || referrer.descriptor.artifactType === wanted) manifests.push(referrer.descriptor)
  }
  const filters = wanted === null ? {} : { 'oci-filters-applied': 'artifactType' }
  return json(200, { schemaVersion: 2, mediaType: OCI_INDEX, manifests }, { 'content-type': OCI_INDEX, ...filters })
}

function referrerOf({ mediaType, digest, size }: Descriptor, bytes: Uint8Array): { subject: string | undefined; descriptor: Descriptor } {
  const document = isIndexType(mediaType) ? readIndex(bytes, `index ${digest}`) : readManifest(bytes, `manifest ${digest}`)
  const config = 'config' in document ? (document.config as Descriptor).mediaType : undefined
  const artifactType = document.artifactType ?? (config === OCI_EMPTY ? undefined : config)
  const descriptor = {
    mediaType,
    digest,
    size,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(document.annotations === undefined ? {} : { annotations: document.annotations }),
  }
  return { subject: document.subject?.digest, descriptor }
}
