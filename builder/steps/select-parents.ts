import { type Bytes, bytesOfText, textOfBytes } from '../../native/wire.ts'
import { TsbuildError } from '../../registry/oci/error.ts'
import { join, nameOf } from '../../registry/store/resolve-path.ts'
import { cleanPath } from '../dockerfile/clean-path.ts'
import type { IgnoreMatcher } from '../dockerfile/ignore.ts'
import { compileRule, type IgnorePattern } from '../dockerfile/ignore-pattern.ts'
import { hasWildcard } from '../dockerfile/wildcard.ts'
import { resolveIn, type SourceTree } from '../sources/tree.ts'
import { filteredBelow } from './filter.ts'
import { badPattern, missing, namedPaths } from './match.ts'
import type { Selection } from './select.ts'

/**
 * What a source of `COPY --parents` chooses: a directory, and below it what matches. `a/./b/c*` is the directory `a` and the pattern `b/c*`; without `/./` the
 * directory is the root. The pattern is one of .dockerignore (`**` crosses directories), and takes the directories that it matches with all they hold. No
 * link is followed below the directory. Throws COPY_SOURCE_MISSING for a path without a wildcard that is not there.
 */
export async function selectParents(tree: SourceTree, source: string, exclude: IgnoreMatcher | undefined): Promise<Selection[]> {
  const { root, path, include } = readParents(source)
  const isLiteral = !hasWildcard(root) && !hasWildcard(path)
  const selections: Selection[] = []
  for (const named of await namedPaths(tree, root)) {
    const top = await resolveIn(tree, named)
    const entry = await tree.at(top)
    if (entry === undefined) throw await missing(tree, source, top)
    if (isLiteral && entry.type !== 'directory') throw await missing(tree, source, join(top, bytesOfText(path)))
    const { isMatched, ...taken } = await filteredBelow(tree, top, { include, exclude })
    if (isLiteral && !isMatched) throw await unmatched(tree, source, join(top, bytesOfText(path)))
    if (entry.type === 'directory') selections.push({ name: nameOf(named), entry, ...taken })
  }
  return selections
}

interface ParentsSource {
  readonly root: string
  /** Below the root, cleaned; '' for all of it. */
  readonly path: string
  readonly include: IgnorePattern | undefined
}

function readParents(source: string): ParentsSource {
  const pivot = source.indexOf('/./')
  const path = cleanPath(`/${pivot < 0 ? source : source.slice(pivot + '/./'.length)}`).slice(1)
  const include = path === '' ? undefined : compileRule(path, false)
  if (path !== '' && include === undefined) throw badPattern(source)
  return { root: pivot < 0 ? '' : source.slice(0, pivot), path, include }
}

/** Why a path without wildcards was not met: it is not there, or only behind a link. */
async function unmatched(tree: SourceTree, source: string, path: Bytes): Promise<TsbuildError> {
  const resolved = await resolveIn(tree, path.replace(/\\(.)/gs, '$1'))
  if ((await tree.at(resolved)) === undefined) return missing(tree, source, resolved)
  const message = `${JSON.stringify(source)} is behind a symbolic link, which COPY --parents does not follow`
  return new TsbuildError('COPY_SOURCE_MISSING', message, { hint: `name what it leads to: ${textOfBytes(resolved)}` })
}
