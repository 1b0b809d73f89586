import { array, looseObject, nullish, string } from 'valibot'
import { TsbuildError } from '../oci/error.ts'
import type { RegistryClient, Repository } from './client.ts'
import { readAnswer, readCapped } from './errors.ts'
import { headerOf } from './manifests.ts'
import { leadsTo } from './redirect.ts'
import { pullScope } from './scope.ts'

const MAX_PAGES = 10_000
const MAX_PAGE_BYTES = 4 << 20
/** ECR refuses more. */
const PAGE_SIZE = 1000

const tagsSchema = looseObject({ tags: nullish(array(string())) })

/**
 * The tags of a repository, page by page, as the registry orders them. A Link to another host is not followed. Throws NOT_FOUND, PAGES_ENDLESS.
 * distribution-spec v1.1, "Listing Tags".
 */
export async function* listTags(client: RegistryClient, at: Repository, signal?: AbortSignal): AsyncGenerator<string> {
  let to: string | URL | undefined = `/v2/${at.repository}/tags/list?n=${PAGE_SIZE}`
  const seen = new Set<string>()
  for (let page = 0; to !== undefined; page++) {
    const what: string = `tags of ${at.registry}/${at.repository}`
    if (page === MAX_PAGES || seen.has(String(to))) throw new TsbuildError('PAGES_ENDLESS', `${what}: the registry's pages do not end`)
    seen.add(String(to))
    const response = await client.request(at.registry, { method: 'GET', to, scopes: [pullScope(at.repository)], signal })
    if (response.status !== 200) throw await client.failure(at.registry, response, what)
    const { tags } = readAnswer(tagsSchema, await readCapped(response, MAX_PAGE_BYTES), what)
    yield* tags ?? []
    to = nextPage(headerOf(response, 'link'), response.url, await client.base(at.registry))
  }
}

/** The target of `<...>; rel="next"` (RFC 8288), which must be at the registry itself. Throws REDIRECT_REFUSED. */
export function nextPage(link: string | undefined, from: URL, base: URL): URL | undefined {
  const target = /<([^<>]*)>\s*;[^,]*\brel\s*=\s*"?next"?/i.exec(link ?? '')?.[1]
  if (target === undefined) return undefined
  const url = leadsTo(from, target)
  if (url.origin === base.origin) return url
  throw new TsbuildError('REDIRECT_REFUSED', `${base.host} names ${url.host} for the next page of its tags`, {
    hint: 'the list is not complete',
  })
}
