import { type Choice, choose, type Rule } from '../../builder/care/choose.ts'
import { bytesOf, type Entry } from '../../builder/care/entry.ts'
import { sweep } from '../../builder/care/sweep.ts'
import type { Workspace } from '../wire.ts'
import { diskOf } from './disk.ts'
import { inventoryOf } from './entries.ts'

/** What pruning by these rules takes now; `everything` is all there is, names of images and all. */
export async function chosen(
  workspace: Workspace,
  rules: readonly Rule[] | 'everything',
  signal: AbortSignal,
): Promise<Choice & { all: readonly Entry[] }> {
  const isLittle = rules !== 'everything' && rules.length === 0
  const all = await inventoryOf(workspace, signal, (kind) => !isLittle || kind === 'leftover')
  if (rules === 'everything') return { entries: all, bytes: bytesOf(all), all }
  const { root, now } = workspace.store
  return { ...choose(all, rules, { now: now(), free: diskOf(root).free }), all }
}

/** Removes it. The workspace must have the store to itself. */
export async function remove(workspace: Workspace, entries: readonly Entry[]): Promise<void> {
  await sweep(workspace.store, entries, async (paths) => (await workspace.snapshots()).discard(paths))
  await workspace.refreshIndex()
}

/** `3 steps, 1 snapshot and 12 leftovers`; nothing for none. */
export function countText(entries: readonly Entry[]): string {
  const counts = new Map<string, number>()
  for (const { kind } of entries) if (kind !== 'explain') counts.set(kind, (counts.get(kind) ?? 0) + 1)
  const parts = [...counts].map(([kind, count]) => `${count} ${count === 1 || !COUNTABLE.has(kind) ? kind : `${kind}s`}`)
  return [parts.slice(0, -1).join(', '), ...parts.slice(-1)].filter((part) => part !== '').join(' and ')
}

/** Kinds that are nouns with a plural. */
const COUNTABLE: ReadonlySet<string> = new Set(['image', 'step', 'snapshot', 'mount', 'download', 'context', 'leftover'])
