import { type Bytes, textOfBytes } from '../../native/wire.ts'
import { nameOf, parentOf } from '../../registry/store/resolve-path.ts'
import { suggest } from '../dockerfile/suggest.ts'
import type { SourceTree } from './tree.ts'

/** So many paths are looked at for a suggestion, nearest to the root first. */
const MAX_PATHS = 20_000

/** `did you mean src/app.ts?`: a name beside the missing path that is nearly it, else its name elsewhere in the tree, else a path that is nearly it. */
export async function nearestPath(tree: Pick<SourceTree, 'children'>, path: Bytes): Promise<string | undefined> {
  const name = textOfBytes(nameOf(path))
  const siblings = await tree.children(parentOf(path))
  const sibling = suggest(
    name,
    siblings.map((entry) => textOfBytes(nameOf(entry.path))),
  )
  const dir = textOfBytes(parentOf(path))
  if (sibling !== undefined) return asked(dir === '' ? sibling : `${dir}/${sibling}`)
  const paths = await pathsOf(tree)
  const sameName = paths.filter((known) => known === name || known.endsWith(`/${name}`))
  const whole = textOfBytes(path)
  return asked(suggest(whole, sameName) ?? sameName[0] ?? suggest(whole, paths))
}

async function pathsOf(tree: Pick<SourceTree, 'children'>): Promise<string[]> {
  const paths: string[] = []
  for (let level: Bytes[] = ['']; level.length > 0 && paths.length < MAX_PATHS; ) {
    const next: Bytes[] = []
    for (const dir of level) {
      if (paths.length >= MAX_PATHS) break
      for (const entry of await tree.children(dir)) {
        paths.push(textOfBytes(entry.path))
        if (entry.type === 'directory') next.push(entry.path)
      }
    }
    level = next
  }
  return paths
}

function asked(path: string | undefined): string | undefined {
  return path === undefined ? undefined : `did you mean ${path}?`
}
