import type { MissCause } from '../../registry/oci/event.ts'
import type { StepRecord } from '../cache.ts'
import type { KeyParts } from '../plan/cache-key.ts'
import { firstFileChange } from './file-changes.ts'
import type { StepTraits } from './traits.ts'

/** A step that is to be done: the parts of its key, and what tells it from others. */
export interface Wanted {
  readonly parts: KeyParts
  readonly traits: StepTraits
  /** Names of its variables that are build arguments. */
  readonly args: ReadonlySet<string>
}

/** The list of files of this digest, where it was kept. */
export type FileLists = (digest: string) => string | undefined

/**
 * The first part of a step that is not as it was in `record`: what it does, then its own parts in the order of the key, and last what it goes on with, for
 * that alone is no change of the step. Undefined where all is as it was.
 */
export function causeOf(wanted: Wanted, record: StepRecord, lists: FileLists): MissCause | undefined {
  const { parts, traits } = wanted
  const before = record.traits
  if (before !== undefined && before.title !== traits.title && before.subject !== traits.subject)
    return { part: 'instruction', was: before.title, is: traits.title }
  const changed = changedParts(parts, record.parts)
  const own = changed.find((name) => name !== 'parent' && name !== 'platform')
  if (own !== undefined) return ownCause(own, wanted, record, lists)
  if (changed.includes('parent')) return parentCause(wanted, record)
  return changed.includes('platform') ? { part: 'platform', was: record.parts.platform, is: parts.platform } : undefined
}

/** Names of the parts that two keys do not share, in the order of the first. */
export function changedParts(parts: KeyParts, others: KeyParts): string[] {
  const names = [...new Set([...Object.keys(parts), ...Object.keys(others)])]
  return names.filter((name) => parts[name] !== others[name])
}

function ownCause(part: string, { parts, traits, args }: Wanted, record: StepRecord, lists: FileLists): MissCause {
  const [was, is] = [record.parts[part], parts[part]]
  const name = part.slice(part.indexOf(' ') + 1)
  if (part === 'content') return filesCause(record.traits?.files, traits.files, lists) ?? { part: 'file', was, is }
  if (part.startsWith('env ')) return { part: args.has(name) ? 'argument' : 'variable', name, was, is }
  if (part.startsWith('mount ')) return mountCause(was, is, lists)
  if (part === 'command' || part === 'script') return { part: 'instruction', was, is }
  return { part: 'option', name: part, was, is }
}

function filesCause(was: string | undefined, is: string | undefined, lists: FileLists): MissCause | undefined {
  const [before, after] = [was, is].map((digest) => (digest === undefined ? undefined : lists(digest)))
  return before === undefined || after === undefined ? undefined : firstFileChange(before, after)
}

/** `kind`, `target`, and further values, of a bind the third is the digest of what it shows: `mountParts` of cache-key.ts. */
function mountCause(was: string | undefined, is: string | undefined, lists: FileLists): MissCause {
  const [before, after] = [was, is].map((text) => (text === undefined ? [] : (JSON.parse(text) as unknown[])))
  const [kind, target, , shown] = after ?? []
  const same = JSON.stringify(before?.slice(0, 3)) === JSON.stringify(after?.slice(0, 3))
  const file = kind === 'bind' && same ? filesCause(String(before?.[3]), String(shown), lists) : undefined
  return file ?? { part: 'mount', name: String(target ?? before?.[1]), was, is }
}

function parentCause({ parts, traits }: Wanted, record: StepRecord): MissCause {
  const before = record.traits?.parent
  const { title, image } = traits.parent
  if (image !== undefined || title === 'scratch')
    return { part: 'base', name: title, was: before?.image ?? before?.title, is: image ?? title }
  return { part: 'parent', name: title, was: record.parts.parent, is: parts.parent }
}
