import { hasCode } from '../oci/error.ts'
import { parseReference } from '../oci/reference.ts'
import { type Reply, refuse } from './reply.ts'

/** What a path of the protocol is about. distribution-spec v1.1, "Endpoints". */
export type Route =
  | { readonly kind: 'root' }
  | { readonly kind: 'manifest'; readonly repository: string; readonly key: string }
  | { readonly kind: 'blob'; readonly repository: string; readonly digest: string }
  | { readonly kind: 'uploads'; readonly repository: string }
  | { readonly kind: 'upload'; readonly repository: string; readonly id: string }
  | { readonly kind: 'tags'; readonly repository: string }
  | { readonly kind: 'referrers'; readonly repository: string; readonly digest: string }

const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/

/** A path, percent-encoded as it came -> its route, with a repository name that is valid; or the answer to what is none. */
export function routeOf(path: string): Route | { readonly kind: 'refused'; readonly reply: Reply } {
  const text = decode(path)
  if (text === '/v2/' || text === '/v2') return { kind: 'root' }
  const match = /^\/v2\/(.+)\/(?:manifests\/([^/]+)|blobs\/uploads\/?([^/]*)|blobs\/([^/]+)|tags\/(list)|referrers\/([^/]+))$/.exec(
    text ?? '',
  )
  if (match === null) return refused(refuse(404, 'UNSUPPORTED', 'not a path of the distribution protocol'))
  const [, repository = '', key, id, blob, tags, subject] = match
  if (!isRepository(repository)) return refused(refuse(400, 'NAME_INVALID', 'not a repository name'))
  if (key !== undefined) return { kind: 'manifest', repository, key }
  if (blob !== undefined) return { kind: 'blob', repository, digest: blob }
  if (subject !== undefined) return { kind: 'referrers', repository, digest: subject }
  if (tags !== undefined) return { kind: 'tags', repository }
  return id ? { kind: 'upload', repository, id } : { kind: 'uploads', repository }
}

export function isRepository(text: string): boolean {
  if (text.length > 255 || /[:@]/.test(text)) return false
  try {
    return parseReference(`localhost/${text}`).repository === text
  } catch (error) {
    if (hasCode(error, 'REFERENCE_INVALID')) return false
    throw error
  }
}

export function isTag(text: string): boolean {
  return TAG.test(text)
}

function decode(path: string): string | undefined {
  try {
    return decodeURIComponent(path)
  } catch {
    return undefined // A lone `%`.
  }
}

function refused(reply: Reply): { readonly kind: 'refused'; readonly reply: Reply } {
  return { kind: 'refused', reply }
}
