import { command } from '../context.ts'
import { formatSize } from '../progress/format.ts'
import { prune } from '../prune.ts'
import { openWorkspace } from '../wire.ts'

export const run = command(
  {
    path: ['prune'],
    summary:
      'Removes what neither a named image nor a cached step needs: blobs, snapshots, left-over transfers. Cached steps stay until --all.',
    operands: [],
    flags: {
      all: { kind: 'boolean', short: 'a', help: 'forget all names, cached steps and snapshots too: nothing is left' },
      force: { kind: 'boolean', short: 'f', help: '', ignored: 'nothing is asked' },
    },
  },
  async ({ all }, _operands, context) => {
    await using workspace = await openWorkspace(context, { access: 'exclusive' })
    const { blobs, bytes, snapshots } = await prune(workspace, all)
    context.print(`removed ${blobs} blobs (${formatSize(bytes)}) and ${snapshots} snapshots\n`)
    return 0
  },
)
