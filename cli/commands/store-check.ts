import { command } from '../context.ts'
import { printable } from '../printable.ts'
import { openWorkspace } from '../wire.ts'

export const run = command(
  {
    path: ['store', 'check'],
    summary: 'Reads every blob and proves that the store is sound: digests, what names lead to, tables of contents, records.',
    operands: [],
    flags: { repair: { kind: 'boolean', help: 'remove what is broken; everything removed can be made or fetched again' } },
  },
  async ({ repair }, _operands, context) => {
    await using workspace = await openWorkspace(context, repair ? { access: 'exclusive' } : {})
    const { checkStore } = await import('../../registry/store/check.ts')
    const { CHECKED, isSoundRecord } = await import('../../builder/care/explanations.ts')
    const records = { recordFolders: CHECKED, isRecord: isSoundRecord }
    const findings = await checkStore(workspace.store, { repair, ...records, signal: context.signal })
    for (const { code, message, repaired } of findings)
      context.printError(`${code}: ${printable(message)}${repaired ? ' (repaired)' : ''}\n`)
    const left = findings.filter((finding) => !finding.repaired).length
    context.print(left === 0 ? 'sound\n' : `${left} findings; --repair removes what is damaged\n`)
    return left === 0 ? 0 : 1
  },
)
