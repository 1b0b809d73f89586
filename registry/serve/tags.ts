import { json, type Reply, refuse } from './reply.ts'
import type { Repository } from './repository.ts'

const MAX_PAGE = 10_000

/** GET of the tags, sorted, by pages when `n` is given. distribution-spec v1.1, "Listing Tags". */
export async function getTags(repository: Repository, query: URLSearchParams): Promise<Reply> {
  const tags = await repository.tags()
  if (tags === undefined) return refuse(404, 'NAME_UNKNOWN', `no repository ${repository.name}`)
  const text = query.get('n')
  if (text !== null && !/^\d{1,9}$/.test(text)) return refuse(400, 'PAGINATION_NUMBER_INVALID', 'n is not a number of tags')
  const last = query.get('last')
  const rest = last === null ? tags : tags.filter((tag) => tag > last)
  const size = Math.min(text === null ? rest.length : Number(text), text === null ? rest.length : MAX_PAGE)
  const page = rest.slice(0, size)
  const next = page.at(-1)
  const body = { name: repository.name, tags: page }
  if (next === undefined || page.length === rest.length) return json(200, body)
  const link = `/v2/${repository.name}/tags/list?n=${size}&last=${encodeURIComponent(next)}`
  return json(200, body, { link: `<${link}>; rel="next"` })
}
