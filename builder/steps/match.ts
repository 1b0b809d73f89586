import { type Bytes, bytesOfText, textOfBytes } from '../../native/wire.ts'
import { TsbuildError } from '../../registry/oci/error.ts'
import { nameOf } from '../../registry/store/resolve-path.ts'
import { cleanPath } from '../dockerfile/clean-path.ts'
import { matchComponent, readSourcePattern, type SourcePattern } from '../dockerfile/wildcard.ts'
import { resolveIn, type SourceEntry, type SourceTree } from '../sources/tree.ts'

/**
 * The paths that one source of a COPY names. Wildcards are Go's filepath.Match on the whole path; one that matches nothing gives nothing, a plain path gives
 * itself, whether it is there or not. Throws COPY_PATTERN, and COPY_SOURCE_MISSING where nothing is at what comes before the first wildcard.
 */
export async function namedPaths(tree: SourceTree, source: string): Promise<Bytes[]> {
  const pattern = readSourcePattern(cleanSource(source))
  if (pattern === undefined) throw badPattern(source)
  return matching(tree, source, pattern)
}

/** Below the root whatever it says: a leading slash and `..` above the root are dropped, as BuildKit does. */
export function cleanSource(source: string): string {
  return cleanPath(`/${source}`).slice(1)
}

/** The part before the first wildcard component is resolved, links followed; below it names are matched one by one. */
async function matching(tree: SourceTree, source: string, pattern: SourcePattern): Promise<Bytes[]> {
  if (pattern.components.length === 0) return [bytesOfText(pattern.prefix)]
  const top = await resolveIn(tree, bytesOfText(pattern.prefix))
  if (top !== '' && (await tree.at(top)) === undefined) throw await missing(tree, source, top)
  let found: Bytes[] = [top]
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

export function badPattern(source: string): TsbuildError {
  return new TsbuildError('COPY_PATTERN', `not a pattern: ${JSON.stringify(source)}`, { hint: 'close the bracket, or escape it with \\' })
}

/** COPY_SOURCE_MISSING: nothing is at `path`, which `source` leads to. */
export async function missing(tree: SourceTree, source: string, path: Bytes): Promise<TsbuildError> {
  const outside = source.split('/').includes('..') ? 'nothing outside of it can be copied' : `paths of COPY begin at ${tree.label}`
  const hint = (await tree.explainMissing(path)) ?? outside
  return new TsbuildError('COPY_SOURCE_MISSING', `${JSON.stringify(source)} is not in ${tree.label}`, { hint })
}
