import { bytesOf, type Entry, isCache, KINDS, type Kind } from '../../builder/care/entry.ts'
import { takeInventory } from '../../builder/care/inventory.ts'
import { bytesOfText } from '../../native/wire.ts'
import { printable } from '../printable.ts'
import { formatSize } from '../progress/format.ts'
import { fit } from '../progress/width.ts'
import { table } from '../table.ts'
import type { Workspace } from '../wire.ts'

const MAX_DESCRIPTION = 60

/** All that is in the store; trees of other kinds than `isWanted` says count 0. The helper is started only when there are some to be measured. */
export function inventoryOf(
  { store, helper }: Workspace,
  signal: AbortSignal,
  isWanted: (kind: Kind) => boolean = () => true,
): Promise<Entry[]> {
  return takeInventory(store, { isWanted, measure: async (paths) => (await helper()).measure(paths.map(bytesOfText), signal) })
}

/** A row a kind: how many, how much, how much of that pruning could free, when one of them was last used. */
export function kindTable(entries: readonly Entry[]): string {
  const rows = KINDS.flatMap((kind) => {
    const own = entries.filter((entry) => entry.kind === kind)
    if (own.length === 0) return []
    const lastUsed = Math.max(...own.map((entry) => entry.lastUsed))
    return [[kind, String(own.length), formatSize(bytesOf(own)), formatSize(bytesOf(reclaimable(own))), timeText(lastUsed)]]
  })
  return table([['TYPE', 'COUNT', 'SIZE', 'RECLAIMABLE', 'LAST USED'], ...rows])
}

/** A row an entry, those not used for longest first. */
export function entryTable(entries: readonly Entry[]): string {
  const rows = byLastUse(entries).map((entry) => [
    entry.kind === 'image' ? printable(entry.id) : entry.id.replace(/^sha256:/, '').slice(0, 12),
    entry.kind,
    entry.reclaimable ? 'true' : 'false',
    formatSize(entry.bytes),
    timeText(entry.lastUsed),
    fit(printable(entry.description), MAX_DESCRIPTION),
  ])
  return table([['ID', 'TYPE', 'RECLAIMABLE', 'SIZE', 'LAST USED', 'DESCRIPTION'], ...rows])
}

/** An object a line. */
export function entryLines(entries: readonly Entry[]): string {
  const lines = byLastUse(entries).map(({ id, kind, description, bytes, reclaimable: isReclaimable, shared, lastUsed }) => {
    return `${JSON.stringify({ id, type: kind, description, bytes, reclaimable: isReclaimable, shared, lastUsed: timeText(lastUsed) })}\n`
  })
  return lines.join('')
}

/** What there is in all, what counts as cache, and what of it pruning could free. */
export function totals(entries: readonly Entry[]): string {
  const rows = [
    ['Reclaimable:', formatSize(bytesOf(reclaimable(entries)))],
    ['Cache:', formatSize(bytesOf(entries.filter(isCache)))],
    ['Total:', formatSize(bytesOf(entries))],
  ]
  return table(rows)
}

function reclaimable(entries: readonly Entry[]): Entry[] {
  return entries.filter((entry) => entry.reclaimable)
}

function byLastUse(entries: readonly Entry[]): Entry[] {
  return [...entries].sort((a, b) => a.lastUsed - b.lastUsed)
}

function timeText(milliseconds: number): string {
  const date = new Date(milliseconds)
  return Number.isNaN(date.getTime()) ? '' : `${date.toISOString().slice(0, 19)}Z`
}
