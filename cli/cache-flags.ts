import { TsbuildError } from '../registry/oci/error.ts'
import { parseReference, type Reference } from '../registry/oci/reference.ts'
import { parseBoolean } from './booleans.ts'
import { fieldsOf } from './fields.ts'

/** Where a shared cache is. */
export type CachePlace =
  | { readonly type: 'registry'; readonly reference: Reference }
  | { readonly type: 'local'; readonly folder: string; readonly name: string }

/** One `--cache-to`; `max` is every step of the build, `min` those of the image. */
export type CacheTarget = (CachePlace | { readonly type: 'inline' }) & {
  readonly text: string
  readonly mode: 'min' | 'max'
  /** Cache mounts of its steps, too. */
  readonly mounts: boolean
  readonly ignoresErrors: boolean
}

/** One `--cache-from`. */
export type CacheOrigin = CachePlace & { readonly text: string }

const FLAGS = { from: 'cache-from', to: 'cache-to' } as const
const KEYS = {
  from: { registry: ['ref'], local: ['src', 'tag'] },
  to: {
    registry: ['ref', 'mode', 'mounts', 'ignore-error', 'image-manifest', 'oci-mediatypes', 'compression'],
    local: ['dest', 'tag', 'mode', 'mounts', 'ignore-error', 'image-manifest', 'oci-mediatypes', 'compression'],
    inline: [],
  },
} as const
/** Backends of BuildKit that there are not, and why. */
const REFUSED: Readonly<Record<string, string>> = {
  gha: 'it speaks the private interface of one CI service',
  s3: 'a registry does the same, and every cloud has one',
  azblob: 'a registry does the same, and every cloud has one',
}
/** What these say is what is done; anything else is not. */
const FIXED: Readonly<Record<string, string>> = { 'image-manifest': 'true', 'oci-mediatypes': 'true', compression: 'gzip' }

type Direction = keyof typeof FLAGS

/** --cache-from: `type=registry,ref=...`, `type=local,src=...`, or a reference alone, as docker has it. Throws USAGE, REFERENCE_INVALID. */
export function cacheOrigins(texts: readonly string[]): CacheOrigin[] {
  return texts.map((text) => {
    if (!text.includes('=')) return { type: 'registry', reference: parseReference(text), text }
    const { type, fields } = typed(text, 'from')
    if (type === 'inline') throw usage('from', text, 'an inline cache is in an image', 'type=registry,ref=IMAGE')
    return { ...placeOf(type, fields, 'from', text), text }
  })
}

/** --cache-to: `type=registry,ref=...`, `type=local,dest=...`, `type=inline`. Throws USAGE, REFERENCE_INVALID. */
export function cacheTargets(texts: readonly string[]): CacheTarget[] {
  return texts.map((text) => {
    const { type, fields } = typed(text.includes('=') ? text : `type=registry,ref=${text}`, 'to')
    for (const [key, value] of Object.entries(FIXED))
      if ((fields.get(key) ?? value) !== value) throw usage('to', text, `${key} is always ${value}`, 'leave it out')
    const mode = fields.get('mode') ?? 'min'
    if (mode !== 'min' && mode !== 'max') throw usage('to', text, `mode=${mode} is not known`, 'min (default) or max')
    const [mounts, ignoresErrors] = ['mounts', 'ignore-error'].map((key) => {
      const value = parseBoolean(fields.get(key) ?? 'false')
      if (value === undefined) throw usage('to', text, `${key} is true or false`)
      return value
    }) as [boolean, boolean]
    const place = type === 'inline' ? ({ type } as const) : placeOf(type, fields, 'to', text)
    return { ...place, text, mode, mounts, ignoresErrors }
  })
}

function typed(text: string, direction: Direction) {
  const fields = fieldsOf(text, FLAGS[direction])
  const type = fields.get('type') ?? 'registry'
  if (Object.hasOwn(REFUSED, type))
    throw usage(direction, text, `type=${type} is not supported: ${REFUSED[type]}`, 'type=registry or type=local')
  if (type !== 'registry' && type !== 'local' && type !== 'inline')
    throw usage(direction, text, `type=${type} is not known`, direction === 'to' ? 'registry, local or inline' : 'registry or local')
  const known: readonly string[] = direction === 'to' ? KEYS.to[type] : type === 'inline' ? [] : KEYS.from[type]
  const unknown = [...fields.keys()].find((key) => key !== 'type' && !known.includes(key))
  if (unknown !== undefined)
    throw usage(direction, text, `${unknown} is not known for ${type}`, known.length === 0 ? undefined : `known: ${known.join(', ')}`)
  return { type, fields } as const
}

function placeOf(type: 'registry' | 'local', fields: ReadonlyMap<string, string>, direction: Direction, text: string): CachePlace {
  const key = type === 'registry' ? 'ref' : direction === 'from' ? 'src' : 'dest'
  const value = fields.get(key)
  if (value === undefined || value === '') throw usage(direction, text, `${key} is missing`, `type=${type},${key}=...`)
  if (type === 'local') return { type, folder: value, name: fields.get('tag') ?? 'latest' }
  const reference = parseReference(value)
  if (direction === 'to' && reference.digest !== undefined) throw usage(direction, text, 'a cache is written under a tag, not a digest')
  return { type, reference }
}

function usage(direction: Direction, text: string, why: string, hint?: string): TsbuildError {
  return new TsbuildError('USAGE', `--${FLAGS[direction]} ${text}: ${why}`, { hint })
}
