import { type Digest, parseDigest } from '../oci/digest.ts'
import type { Store } from '../store/store.ts'
import { SERVED } from './blobs.ts'
import { chunkOf } from './range.ts'
import { type Reply, refuse, reply } from './reply.ts'
import type { UploadFiles } from './upload-files.ts'

/** A request to one upload, or for a new one. `body` ends early, by throwing, when the client goes away. */
export interface UploadRequest {
  readonly repository: string
  readonly query: URLSearchParams
  readonly body: AsyncIterable<Uint8Array>
  readonly contentRange: string | undefined
  readonly contentLength: number | undefined
}

/** POST: a mount, a blob in one request, or a new upload. distribution-spec v1.1, "Pushing blobs" and "Mounting a blob from another repository". */
export async function postUpload(store: Store, files: UploadFiles, request: UploadRequest): Promise<Reply> {
  const { repository, query } = request
  const mount = query.get('mount')
  if (mount !== null && (await store.blobs.stat(parseDigest(mount))) !== undefined) return created(repository, parseDigest(mount))
  const whole = query.get('digest')
  const digest = whole === null ? undefined : parseDigest(whole)
  const id = await files.create(store, repository)
  if (id === undefined) return refuse(429, 'TOOMANYREQUESTS', 'too many uploads under way', { 'retry-after': '30' })
  if (digest === undefined) return reply(202, { ...headersOf(repository, id, 0), 'content-length': '0' })
  const size = await files.append(store, id, { offset: 0, body: request.body })
  return finish(store, files, { repository, id, digest, size })
}

/** GET: how far an upload is. */
export async function getUpload(store: Store, files: UploadFiles, { repository, id }: { repository: string; id: string }): Promise<Reply> {
  const size = await files.size(store, repository, id)
  return size === undefined ? unknown(id) : reply(204, headersOf(repository, id, size))
}

/** PATCH: the next chunk, exactly where the last one ended; without Content-Range, all that comes. */
export async function patchUpload(store: Store, files: UploadFiles, id: string, request: UploadRequest): Promise<Reply> {
  return files.alone(id, async () => {
    const size = await append(store, files, id, request)
    return typeof size === 'number' ? reply(202, { ...headersOf(request.repository, id, size), 'content-length': '0' }) : size
  })
}

/** PUT: the end, with or without a last chunk, and the digest of the whole. */
export async function putUpload(store: Store, files: UploadFiles, id: string, request: UploadRequest): Promise<Reply> {
  const text = request.query.get('digest')
  if (text === null) return refuse(400, 'DIGEST_INVALID', 'the parameter digest is missing')
  const digest = parseDigest(text)
  return files.alone(id, async () => {
    const size = await append(store, files, id, request)
    return typeof size === 'number' ? finish(store, files, { repository: request.repository, id, digest, size }) : size
  })
}

export async function deleteUpload(
  store: Store,
  files: UploadFiles,
  { repository, id }: { repository: string; id: string },
): Promise<Reply> {
  if ((await files.size(store, repository, id)) === undefined) return unknown(id)
  await files.alone(id, () => files.remove(store, id))
  return reply(204)
}

async function append(store: Store, files: UploadFiles, id: string, request: UploadRequest): Promise<number | Reply> {
  const { repository, contentRange, contentLength } = request
  const offset = await files.size(store, repository, id)
  if (offset === undefined) return unknown(id)
  if (contentRange !== undefined) {
    const chunk = chunkOf(contentRange)
    if (chunk === undefined) return refuse(400, 'BLOB_UPLOAD_INVALID', 'Content-Range is not START-END')
    if (chunk.start !== offset) return refuse(416, 'RANGE_INVALID', `the upload has ${offset} bytes`, headersOf(repository, id, offset))
    if (contentLength !== undefined && contentLength !== chunk.end - chunk.start) {
      return refuse(400, 'SIZE_INVALID', 'Content-Length and Content-Range differ')
    }
  }
  return files.append(store, id, { offset, body: request.body })
}

async function finish(
  store: Store,
  files: UploadFiles,
  { repository, id, digest, size }: { repository: string; id: string; digest: Digest; size: number },
): Promise<Reply> {
  if (!(await files.finish(store, id, { digest, size }))) return refuse(400, 'DIGEST_INVALID', `what was sent is not ${digest}`)
  await store.origins.add(digest, SERVED, repository)
  return created(repository, digest)
}

function created(repository: string, digest: Digest): Reply {
  const headers = { location: `/v2/${repository}/blobs/${digest}`, 'docker-content-digest': digest, 'content-length': '0' }
  return reply(201, headers)
}

function unknown(id: string): Reply {
  return refuse(404, 'BLOB_UPLOAD_UNKNOWN', `no such upload: ${id.slice(0, 100)}`)
}

function headersOf(repository: string, id: string, size: number): Record<string, string> {
  return { location: `/v2/${repository}/blobs/uploads/${id}`, range: `0-${Math.max(0, size - 1)}`, 'docker-upload-uuid': id }
}
