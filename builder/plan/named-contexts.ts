import { TsbuildError } from '../../registry/oci/error.ts'
import { formatPlatform, parsePlatform } from '../../registry/oci/platform.ts'
import { familiarReference, parseReference } from '../../registry/oci/reference.ts'

/** What a `--build-context` name stands for: an image, nothing at all, or files that the caller opens by this name. */
export type NamedBase =
  | { readonly kind: 'image'; readonly reference: string }
  | { readonly kind: 'scratch' }
  | { readonly kind: 'tree'; readonly name: string }

/** By `contextName`. */
export type NamedContexts = ReadonlyMap<string, NamedBase>

/** Names that mean something else. */
const FIXED = new Set(['scratch', 'context'])

/**
 * The one spelling of a name: as an image's without what is left out by default (`docker.io/library/alpine:latest` is `alpine`), then `::os/arch` where it is
 * for one platform only. Throws USAGE.
 */
export function contextName(text: string): string {
  const colons = text.indexOf('::')
  const [name, platform] = colons < 0 ? [text, undefined] : [text.slice(0, colons), text.slice(colons + 2)]
  try {
    return `${familiar(name)}${platform === undefined ? '' : `::${formatPlatform(parsePlatform(platform))}`}`
  } catch (cause) {
    const hint = 'a name is spelt as an image is, in lower case, with ::os/arch for one platform only'
    throw new TsbuildError('USAGE', `not a name of a build context: ${JSON.stringify(text)}`, { hint, cause })
  }
}

/** What replaces `name`, for a platform (as written) before that for all. */
export function findContext(contexts: NamedContexts | undefined, name: string, platform: string): NamedBase | undefined {
  if (contexts === undefined || contexts.size === 0 || FIXED.has(name)) return undefined
  try {
    const spelling = familiar(name)
    return contexts.get(`${spelling}::${normalPlatform(platform)}`) ?? contexts.get(spelling)
  } catch {
    return undefined // no name that a context can have
  }
}

function familiar(name: string): string {
  return familiarReference(parseReference(name)).replace(/:latest$/, '')
}

/** What cannot be read is told where it stands, not here. */
function normalPlatform(text: string): string {
  try {
    return formatPlatform(parsePlatform(text))
  } catch {
    return text
  }
}
