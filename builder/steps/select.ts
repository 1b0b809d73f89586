import { type Bytes, bytesOfText, textOfBytes } from '../../native/wire.ts'
import { type Digest, digestOf } from '../../registry/oci/digest.ts'
import { TsbuildError } from '../../registry/oci/error.ts'
import { nameOf } from '../../registry/store/resolve-path.ts'
import { cleanPath } from '../dockerfile/clean-path.ts'
import { matchComponent, readSourcePattern, type SourcePattern } from '../dockerfile/wildcard.ts'
import { resolveIn, type SourceEntry, type SourceTree } from '../sources/tree.ts'

/** One thing that a COPY names or matches, links on the way to it followed. */
export interface Selection {
  /** Its last component as named: the name it gets below a destination directory. '' for the root of the tree. */
  readonly name: Bytes
  readonly entry: SourceEntry
  /** All entries below a directory, sorted, parents first; empty for anything else. */
  readonly below: readonly SourceEntry[]
  /** It comes from a URL: it is no archive to unpack unless that is asked for. */
  readonly isFetched?: boolean
}

/**
 * The files that the sources of one COPY choose, in the order of the sources. A wildcard that matches nothing chooses nothing; a literal source must exist
 * (COPY_SOURCE_MISSING). A matching directory is taken whole and not searched further. Wildcards are Go's filepath.Match on the whole path.
 */
export async function select(tree: SourceTree, sources: readonly string[]): Promise<Selection[]> {
  const selections: Selection[] = []
  for (const source of sources) {
    const pattern = readSourcePattern(cleanSource(source))
    if (pattern === undefined)
      throw new TsbuildError('COPY_PATTERN', `not a pattern: ${JSON.stringify(source)}`, {
        hint: 'close the bracket, or escape it with \\',
      })
    const names = await matching(tree, pattern)
    for (const name of names) selections.push(await selectOne(tree, name, source))
  }
  return selections
}

/** Below the root whatever it says: a leading slash and `..` above the root are dropped, as BuildKit does. */
function cleanSource(source: string): string {
  return cleanPath(`/${source}`).slice(1)
}

async function selectOne(tree: SourceTree, named: Bytes, source: string): Promise<Selection> {
  const path = await resolveIn(tree, named)
  const entry = await tree.at(path)
  if (entry === undefined) throw await missing(tree, source, path)
  return { name: nameOf(named), entry, below: entry.type === 'directory' ? await tree.below(path) : [] }
}

/** The part before the first wildcard component is resolved, links followed; below it names are matched one by one. */
async function matching(tree: SourceTree, pattern: SourcePattern): Promise<Bytes[]> {
  if (pattern.components.length === 0) return [bytesOfText(pattern.prefix)]
  let found: Bytes[] = [await resolveIn(tree, bytesOfText(pattern.prefix))]
  for (const depth of pattern.components.keys()) {
    const next: Bytes[] = []
    for (const dir of found) {
      for (const child of await childrenOf(tree, dir)) {
        const match = matchComponent(pattern, depth, textOfBytes(nameOf(child.path)))
        if (match === 'match' || (match === 'descend' && child.type === 'directory')) next.push(child.path)
      }
    }
    found = next
  }
  return found
}

async function childrenOf(tree: SourceTree, path: Bytes): Promise<readonly SourceEntry[]> {
  const entry = await tree.at(path)
  return entry?.type === 'directory' ? tree.children(path) : []
}

async function missing(tree: SourceTree, source: string, path: Bytes): Promise<TsbuildError> {
  const outside = source.split('/').includes('..') ? 'nothing outside of it can be copied' : `paths of COPY begin at ${tree.label}`
  const hint = (await tree.explainMissing(path)) ?? outside
  return new TsbuildError('COPY_SOURCE_MISSING', `${JSON.stringify(source)} is not in ${tree.label}`, { hint })
}

/**
 * Digest of what a COPY would take: for each selection its name (of a file only: a directory gives its contents), and for each entry path below it, type,
 * mode, ids, link target, device, xattrs, hard-link group and sha256 of the content. Times are left out.
 */
export async function contentDigest(tree: SourceTree, selections: readonly Selection[]): Promise<Digest> {
  const files = selections.flatMap((selection) => [selection.entry, ...selection.below]).filter((entry) => entry.type === 'file')
  const digests = await tree.digests(files)
  const digestByEntry = new Map(files.map((entry, index) => [entry, digests[index]]))
  const groups = new Map<string, number>()
  const groupOf = (key: string | undefined): number | undefined => {
    if (key === undefined) return undefined
    const group = groups.get(key) ?? groups.size
    groups.set(key, group)
    return group
  }
  const lines: string[] = []
  const add = (name: Bytes, entry: SourceEntry) => {
    const { type, mode, uid, gid, link, rdevMajor, rdevMinor, xattrs, sameFile } = entry
    const digest = digestByEntry.get(entry)
    const content = digest === undefined ? '' : Buffer.from(digest).toString('hex')
    lines.push(JSON.stringify([name, type, mode, uid, gid, link, rdevMajor, rdevMinor, xattrs, groupOf(sameFile), content]))
  }
  for (const { name, entry, below } of selections) {
    add(entry.type === 'directory' ? '' : name, entry)
    for (const inner of below) add(relativeTo(entry.path, inner.path), inner)
    lines.push('')
  }
  return digestOf(lines.join('\n'))
}

/** Path of an entry below `dir`. */
export function relativeTo(dir: Bytes, path: Bytes): Bytes {
  return dir === '' ? path : path.slice(dir.length + 1)
}
