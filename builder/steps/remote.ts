import { TsbuildError } from '../../registry/oci/error.ts'
import type { BuildDeps } from '../deps.ts'
import { remoteSource } from '../dockerfile/sources.ts'
import { located } from '../located.ts'
import type { CopyOperation } from '../plan/graph.ts'
import { readGitUrl } from '../sources/git-url.ts'
import { nameOfUrl, readHttpUrl } from '../sources/http.ts'
import { oneFileTree } from '../sources/one-file.ts'
import type { Remotes } from '../sources/remotes.ts'
import { SeveralTrees } from '../sources/several.ts'
import type { SourceTree } from '../sources/tree.ts'
import { type Selection, select } from './select.ts'

/** Files chosen, and the tree that has their contents. */
export interface ChosenFiles {
  readonly tree: SourceTree
  readonly selections: readonly Selection[]
}

/** What the sources of a COPY or ADD choose, in their order: paths in `context`, and of an ADD what URLs and repositories give. */
export async function chooseFiles(
  operation: CopyOperation,
  context: SourceTree,
  deps: BuildDeps,
  signal: AbortSignal,
): Promise<ChosenFiles> {
  const { sources } = operation
  if (!operation.add || sources.every((source) => remoteSource(source) === undefined))
    return { tree: context, selections: await select(context, sources, operation) }
  const remotes = await deps.remotes()
  const found: ChosenFiles[] = []
  for (const [index, source] of sources.entries()) {
    const at = operation.sourcesAt?.[index] ?? operation.at
    const kind = remoteSource(source, operation.keepGitDir)
    if (kind === undefined) found.push({ tree: context, selections: await select(context, [source], { ...operation, sourcesAt: [at] }) })
    else
      found.push(
        await (kind === 'http' ? download(source, operation, remotes, deps, signal) : clone(source, operation, remotes, signal)).catch(
          (error: unknown) => {
            throw located(error, at)
          },
        ),
      )
  }
  const others = found.filter(({ tree }) => tree !== context)
  const tree = new SeveralTrees(
    context,
    others.map((one) => one.tree),
  )
  for (const [index, { selections }] of others.entries())
    tree.own(
      index + 1,
      selections.flatMap(({ entry, below }) => [entry, ...below]),
    )
  return { tree, selections: found.flatMap(({ selections }) => selections) }
}

/** One file, named as the path of the URL ends. Throws what `Remotes.http` throws. */
async function download(
  source: string,
  operation: CopyOperation,
  remotes: Remotes,
  deps: BuildDeps,
  signal: AbortSignal,
): Promise<ChosenFiles> {
  const file = await remotes.http(source, { step: String(operation.id), checksum: operation.checksum, signal })
  const tree = oneFileTree(nameOfUrl(readHttpUrl(source)), file, deps.store)
  return { tree, selections: [{ name: tree.file.path, entry: tree.file, below: [], passed: new Set(), isFetched: true }] }
}

/** All files of a repository, or of a directory of it. */
async function clone(source: string, operation: CopyOperation, remotes: Remotes, signal: AbortSignal): Promise<ChosenFiles> {
  const { checksum, keepGitDir } = operation
  const git = readGitUrl(source)
  const { tree } = await remotes.git(git, { step: String(operation.id), checksum, keepGitDir, label: git.remote.url, signal })
  if ((await tree.at('')) === undefined) throw new TsbuildError('SUBDIR_MISSING', `${git.remote.url} has nothing to copy`)
  return { tree, selections: await select(tree, ['.'], { exclude: operation.exclude }) }
}
