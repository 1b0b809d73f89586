import { readFilters } from '../../builder/care/filters.ts'
import { entryLines, entryTable, inventoryOf, kindTable, totals } from '../care/entries.ts'
import { command } from '../context.ts'
import { checkFormat } from '../flags.ts'
import { openWorkspace } from '../wire.ts'

export const run = command(
  {
    path: ['du'],
    summary:
      'Tells what takes how much of the disk: images, cached steps, snapshots, cache mounts, downloads; and what of it prune may remove.',
    operands: [],
    flags: {
      filter: { kind: 'list', value: 'key=value', help: 'only what it holds for: until=24h, type=mount, id=..., shared; may be repeated' },
      verbose: { kind: 'boolean', help: 'a row for each thing, not for each type' },
      format: { kind: 'string', value: 'json', help: 'json: one object a line for each thing' },
    },
  },
  async ({ filter, verbose, format }, _operands, context) => {
    checkFormat(format)
    const { matches, unusedMs } = readFilters(filter)
    await using workspace = await openWorkspace(context)
    const now = context.now()
    const entries = (await inventoryOf(workspace, context.signal)).filter(
      (entry) => matches(entry) && now - Math.min(entry.lastUsed, now) >= unusedMs,
    )
    if (format === 'json') context.print(entryLines(entries))
    else context.print(`${verbose ? entryTable(entries) : kindTable(entries)}\n${totals(entries)}`)
    return 0
  },
)
