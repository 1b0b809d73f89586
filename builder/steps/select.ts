import { type Bytes, textOfBytes } from '../../native/wire.ts'
import { type Digest, digestOf } from '../../registry/oci/digest.ts'
import type { SourceRange } from '../../registry/oci/error.ts'
import { nameOf } from '../../registry/store/resolve-path.ts'
import type { IgnoreMatcher } from '../dockerfile/ignore.ts'
import { located } from '../located.ts'
import { resolveIn, type SourceEntry, type SourceTree } from '../sources/tree.ts'
import { excludeMatcher, filteredBelow, relativeTo } from './filter.ts'
import { missing, namedPaths } from './match.ts'
import { selectParents } from './select-parents.ts'

/** One thing that a COPY names or matches, links on the way to it followed. */
export interface Selection {
  /** Its last component as named: the name it gets below a destination directory. '' for the root of the tree. */
  readonly name: Bytes
  readonly entry: SourceEntry
  /** The entries below a directory that are taken, sorted, parents first; empty for anything else. */
  readonly below: readonly SourceEntry[]
  /** Directories in `below` that are there only because of what they hold. */
  readonly passed: ReadonlySet<SourceEntry>
  /** It comes from a URL: it is no archive to unpack unless that is asked for. */
  readonly isFetched?: boolean
}

export interface SelectOptions {
  /** Patterns of `--exclude`. */
  readonly exclude?: readonly string[]
  /** `--parents`: files keep their directories. */
  readonly parents?: boolean
  /** Where each source stands, for errors about it. */
  readonly sourcesAt?: readonly SourceRange[] | undefined
}

/**
 * The files that the sources of one COPY choose, in the order of the sources. A wildcard that matches nothing chooses nothing; a literal source must exist
 * (COPY_SOURCE_MISSING). A matching directory is taken whole and not searched further. `--exclude` is about paths below a directory, and about the name of
 * anything else: the reference has `COPY --exclude=*.txt hom* /mydir/`.
 */
export async function select(tree: SourceTree, sources: readonly string[], options: SelectOptions = {}): Promise<Selection[]> {
  const exclude = excludeMatcher(options.exclude ?? [])
  const selections: Selection[] = []
  for (const [index, source] of sources.entries()) {
    const chosen = await (options.parents ? selectParents : selectNamed)(tree, source, exclude).catch((error: unknown) => {
      const at = options.sourcesAt?.[index]
      throw at === undefined ? error : located(error, at)
    })
    selections.push(...chosen)
  }
  return selections
}

/** One path as it is written, no wildcard in it. Throws COPY_SOURCE_MISSING. */
export async function selectPath(tree: SourceTree, path: string): Promise<Selection> {
  const [selection] = await selectNamed(tree, path.replace(/[*?[\\]/g, '\\$&'), undefined)
  if (selection === undefined) throw new Error('a path without wildcards is there, or is an error')
  return selection
}

async function selectNamed(tree: SourceTree, source: string, exclude: IgnoreMatcher | undefined): Promise<Selection[]> {
  const selections: Selection[] = []
  for (const named of await namedPaths(tree, source)) {
    const path = await resolveIn(tree, named)
    const entry = await tree.at(path)
    if (entry === undefined) throw await missing(tree, source, path)
    const name = nameOf(named)
    if (entry.type === 'directory') selections.push({ name, entry, ...(await filteredBelow(tree, path, { exclude })) })
    else if (!exclude?.matches(textOfBytes(name)).ignored) selections.push({ name, entry, below: [], passed: new Set() })
  }
  return selections
}

/** What a line of a `FileList` holds, by position; after them 'passed' for a directory that is there only because of what it holds. */
export const LIST_FIELDS = ['name', 'type', 'mode', 'uid', 'gid', 'link', 'rdevMajor', 'rdevMinor', 'xattrs', 'sameFile', 'sha256'] as const

/** Which files something takes: a line of JSON for each, an empty one after each selection; and the digest of that text. */
export interface FileList {
  readonly digest: Digest
  readonly text: string
}

/**
 * What a COPY would take: for each selection its name (of a file only: a directory gives its contents), and for each entry path below it, type,
 * mode, ids, link target, device, xattrs, hard-link group and sha256 of the content. Times are left out.
 */
export async function listFiles(tree: SourceTree, selections: readonly Selection[]): Promise<FileList> {
  const files = selections.flatMap((selection) => [selection.entry, ...selection.below]).filter((entry) => entry.type === 'file')
  const digests = await tree.digests(files)
  const digestByEntry = new Map(files.map((entry, index) => [entry, digests[index]]))
  const lines: string[] = []
  let groups = new Map<string, number>()
  const groupOf = ({ type, sameFile }: SourceEntry): number | undefined => {
    if (sameFile === undefined || type !== 'file') return undefined
    const group = groups.get(sameFile) ?? groups.size
    groups.set(sameFile, group)
    return group
  }
  const add = (name: Bytes, entry: SourceEntry, isPassed: boolean) => {
    const { type, mode, uid, gid, link, rdevMajor, rdevMinor, xattrs } = entry
    const digest = digestByEntry.get(entry)
    const content = digest === undefined ? '' : Buffer.from(digest).toString('hex')
    const fields = [name, type, mode, uid, gid, link, rdevMajor, rdevMinor, xattrs, groupOf(entry), content]
    lines.push(JSON.stringify(isPassed ? [...fields, 'passed'] : fields))
  }
  for (const { name, entry, below, passed } of selections) {
    groups = new Map()
    add(entry.type === 'directory' ? '' : name, entry, false)
    for (const inner of below) add(relativeTo(entry.path, inner.path), inner, passed.has(inner))
    lines.push('')
  }
  const text = lines.join('\n')
  return { digest: digestOf(text), text }
}
