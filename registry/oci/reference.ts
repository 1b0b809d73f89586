import { type Digest, isDigest, parseDigest } from './digest.ts'
import { TsbuildError } from './error.ts'

/** `registry/repository[:tag][@digest]`. `registry` is the host users write (docker.io), with its port. */
export interface Reference {
  readonly registry: string
  readonly repository: string
  readonly tag?: string
  readonly digest?: Digest
}

const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/
const HOST = /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*)(?::\d{1,5})?$/
const DOCKER_ALIASES = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io', 'registry.hub.docker.com'])

/**
 * Reads a reference with Docker Hub's rules: no host means docker.io, one component there means `library/`, the first component is a host if it has
 * `.` or `:`, is `localhost`, is in brackets or has an upper-case letter (distribution/reference). No tag is added: see `withDefaultTag`.
 * Throws REFERENCE_INVALID.
 */
export function parseReference(text: string): Reference {
  const at = text.indexOf('@')
  const digest = at < 0 ? undefined : text.slice(at + 1)
  const name = at < 0 ? text : text.slice(0, at)
  if (digest !== undefined && !isDigest(digest)) throw invalid(text, `${JSON.stringify(digest)} is not a digest`)
  const [host, path] = splitHost(name)
  const colon = path.lastIndexOf(':')
  const tag = colon < 0 ? undefined : path.slice(colon + 1)
  const repository = colon < 0 ? path : path.slice(0, colon)
  if (tag !== undefined && !TAG.test(tag)) throw invalid(text, `${JSON.stringify(tag)} is not a tag`)
  if (!isHost(host)) throw invalid(text, `${JSON.stringify(host)} is not a host`)
  const registry = DOCKER_ALIASES.has(host.toLowerCase()) ? 'docker.io' : host
  const full = registry === 'docker.io' && !repository.includes('/') ? `library/${repository}` : repository
  checkRepository(full, text)
  return {
    registry,
    repository: full,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest: parseDigest(digest) }),
  }
}

/** Adds `:latest` where there is neither a tag nor a digest. */
export function withDefaultTag(reference: Reference): Reference {
  return reference.tag === undefined && reference.digest === undefined ? { ...reference, tag: 'latest' } : reference
}

/** The full form, as names are stored: `docker.io/library/app:latest`. */
export function formatReference(reference: Reference): string {
  return `${reference.registry}/${reference.repository}${reference.tag === undefined ? '' : `:${reference.tag}`}${reference.digest === undefined ? '' : `@${reference.digest}`}`
}

/** The short form for people: without docker.io/ and library/. */
export function familiarReference(reference: Reference): string {
  return formatReference(reference).replace(/^docker\.io\/(?:library\/(?!.*\/))?/, '')
}

/** The pattern does not count colons or ports: a URL parser does, and refuses port 65536 and `[:::::]`. */
function isHost(host: string): boolean {
  return HOST.test(host) && !/:0+$/.test(host) && URL.canParse(`http://${host}/`)
}

function splitHost(name: string): [host: string, path: string] {
  const slash = name.indexOf('/')
  if (slash < 0) return ['docker.io', name]
  const first = name.slice(0, slash)
  const isHost = /[.:]/.test(first) || first === 'localhost' || first.startsWith('[') || first !== first.toLowerCase()
  return isHost ? [first, name.slice(slash + 1)] : ['docker.io', name]
}

function checkRepository(repository: string, text: string): void {
  if (repository.length > 255) throw invalid(text, 'the repository is longer than 255 characters')
  for (const component of repository.split('/')) {
    if (COMPONENT.test(component)) continue
    throw invalid(
      text,
      /[A-Z]/.test(component)
        ? `the repository ${JSON.stringify(repository)} must be lower case`
        : `${JSON.stringify(component)} is not a part of a repository name`,
    )
  }
}

function invalid(text: string, why: string): TsbuildError {
  return new TsbuildError('REFERENCE_INVALID', `not an image reference: ${JSON.stringify(text.slice(0, 300))}: ${why}`, {
    hint: 'write [host[:port]/]name[:tag][@digest]',
  })
}
