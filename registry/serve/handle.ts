import { MAX_MANIFEST_BYTES } from '../oci/document.ts'
import type { Store } from '../store/store.ts'
import { deleteBlob, getBlob } from './blobs.ts'
import { deleteManifest, getManifest, keyOf, putManifest } from './manifests.ts'
import { getReferrers } from './referrers.ts'
import { type Reply, refuse, reply } from './reply.ts'
import { Repository } from './repository.ts'
import { type Route, routeOf } from './route.ts'
import { getTags } from './tags.ts'
import type { UploadFiles } from './upload-files.ts'
import { deleteUpload, getUpload, patchUpload, postUpload, putUpload } from './uploads.ts'

/** A request as the protocol sees it, without its connection. */
export interface ServeRequest {
  readonly method: string
  /** Path and query as they came. */
  readonly target: string
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: AsyncIterable<Uint8Array>
}

export interface HandleDeps {
  readonly store: Store
  readonly files: UploadFiles
  readonly readOnly: boolean
}

const READS = new Set(['GET', 'HEAD'])

/** The answer to one request. Bad input gives 4xx; what throws is the client's going away, or a fault of ours or of the disk. */
export async function handle(request: ServeRequest, deps: HandleDeps): Promise<Reply> {
  const [path = '', search = ''] = request.target.split(/\?(.*)/s)
  const route = routeOf(path)
  if (route.kind === 'refused') return route.reply
  if (deps.readOnly && !READS.has(request.method)) return refuse(405, 'UNSUPPORTED', 'this registry is read-only', { allow: 'GET, HEAD' })
  return (
    (await dispatch(route, new URLSearchParams(search), request, deps)) ??
    refuse(405, 'UNSUPPORTED', `${request.method} is not for this path`)
  )
}

async function dispatch(
  route: Route,
  query: URLSearchParams,
  request: ServeRequest,
  { store, files }: HandleDeps,
): Promise<Reply | undefined> {
  const method = request.method === 'HEAD' ? 'GET' : request.method
  switch (route.kind) {
    case 'root':
      return method === 'GET' ? reply(200, { 'content-type': 'application/json', 'content-length': '2' }, Buffer.from('{}')) : undefined
    case 'tags':
      return method === 'GET' ? getTags(new Repository(route.repository, store), query) : undefined
    case 'referrers':
      return method === 'GET' ? getReferrers(store, new Repository(route.repository, store), { digest: route.digest, query }) : undefined
    case 'blob':
      if (method === 'DELETE') return deleteBlob(store, route.digest)
      return method === 'GET' ? getBlob(store, route.digest, request.headers.range) : undefined
    case 'uploads':
      return method === 'POST' ? postUpload(store, files, uploadOf(route.repository, query, request)) : undefined
    case 'upload':
      return dispatchUpload(method, route, uploadOf(route.repository, query, request), { store, files })
    case 'manifest':
      return dispatchManifest(method, route, request, store)
  }
}

async function dispatchUpload(
  method: string,
  route: Extract<Route, { kind: 'upload' }>,
  upload: ReturnType<typeof uploadOf>,
  { store, files }: Pick<HandleDeps, 'store' | 'files'>,
): Promise<Reply | undefined> {
  if (method === 'GET') return getUpload(store, files, route)
  if (method === 'PATCH') return patchUpload(store, files, route.id, upload)
  if (method === 'PUT') return putUpload(store, files, route.id, upload)
  return method === 'DELETE' ? deleteUpload(store, files, route) : undefined
}

async function dispatchManifest(
  method: string,
  route: Extract<Route, { kind: 'manifest' }>,
  request: ServeRequest,
  store: Store,
): Promise<Reply | undefined> {
  const key = keyOf(route.key)
  if (key === undefined) return refuse(method === 'PUT' ? 400 : 404, 'TAG_INVALID', 'neither a tag nor a digest')
  const repository = new Repository(route.repository, store)
  if (method === 'GET') return getManifest(store, repository, key)
  if (method === 'DELETE') return deleteManifest(repository, key)
  if (method !== 'PUT') return undefined
  const bytes = await readBody(request)
  if (bytes === undefined) return refuse(413, 'SIZE_INVALID', `manifests have at most ${MAX_MANIFEST_BYTES} bytes`)
  return putManifest(store, repository, { key, bytes, contentType: request.headers['content-type'] })
}

function uploadOf(repository: string, query: URLSearchParams, { headers, body }: ServeRequest) {
  const length = headers['content-length']
  return {
    repository,
    query,
    body,
    contentRange: headers['content-range'],
    contentLength: length === undefined ? undefined : Number(length),
  }
}

async function readBody({ headers, body }: ServeRequest): Promise<Uint8Array | undefined> {
  if (Number(headers['content-length'] ?? 0) > MAX_MANIFEST_BYTES) return undefined
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > MAX_MANIFEST_BYTES) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, size)
}
