import { parseDigest } from '../oci/digest.ts'
import { graphOf } from '../store/graph.ts'
import type { Store } from '../store/store.ts'
import { rangeOf } from './range.ts'
import { type Reply, refuse, reply } from './reply.ts'

/** As registry of blobs that came in over the protocol, in the store's record of where each was seen. */
export const SERVED = 'localhost'

/** GET and HEAD of a blob, whole or one range. distribution-spec v1.1, "Pulling blobs". */
export async function getBlob(store: Store, text: string, range: string | undefined): Promise<Reply> {
  const digest = parseDigest(text)
  const found = await store.blobs.stat(digest)
  if (found === undefined) return refuse(404, 'BLOB_UNKNOWN', `blob ${digest} is not here`)
  const { size } = found
  const headers = {
    'content-type': 'application/octet-stream',
    'docker-content-digest': digest,
    'accept-ranges': 'bytes',
    etag: `"${digest}"`,
    'cache-control': 'max-age=31536000, immutable',
  }
  const part = rangeOf(range, size)
  if (part === 'none') return refuse(416, 'RANGE_INVALID', `the blob has ${size} bytes`, { 'content-range': `bytes */${size}` })
  if (part === undefined) return reply(200, { ...headers, 'content-length': String(size) }, store.blobs.open(digest))
  const length = { 'content-length': String(part.end - part.start), 'content-range': `bytes ${part.start}-${part.end - 1}/${size}` }
  return reply(206, { ...headers, ...length }, store.blobs.open(digest, part))
}

/**
 * DELETE of a blob that came in over the protocol and that nothing in the store needs; the others are the user's own.
 * distribution-spec v1.1, "Deleting Blobs".
 */
export async function deleteBlob(store: Store, text: string): Promise<Reply> {
  const digest = parseDigest(text)
  if ((await store.blobs.stat(digest)) === undefined) return refuse(404, 'BLOB_UNKNOWN', `blob ${digest} is not here`)
  const seen = new Set<typeof digest>()
  for (const { descriptor } of await store.names.list()) await graphOf(store.blobs, descriptor, seen)
  const came = (await store.origins.of(digest)).some(({ registry }) => registry === SERVED)
  if (seen.has(digest) || !came) return refuse(403, 'DENIED', `blob ${digest} is in use`)
  await store.blobs.delete(digest)
  return reply(202, { 'content-length': '0' })
}
