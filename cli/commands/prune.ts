import { formatSize } from '../progress/format.ts'
import { command } from '../context.ts'
import { openWorkspace } from '../wire.ts'

export const run = command(
  {
    path: ['prune'],
    summary: 'Removes what no named image needs: blobs, snapshots and left-over transfers; with --all the step cache and all names too.',
    operands: [],
    flags: {
      all: { kind: 'boolean', short: 'a', help: 'also forget all names and cached steps: the store is empty afterwards' },
      force: { kind: 'boolean', short: 'f', help: 'accepted for compatibility; nothing is ever asked' },
    },
  },
  async ({ all }, _operands, context) => {
    await using workspace = await openWorkspace(context, { access: 'exclusive' })
    const removed = await workspace.prune({ all })
    context.print(`removed ${removed.count} objects, ${formatSize(removed.bytes)}\n`)
    return 0
  },
)
