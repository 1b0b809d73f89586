import { command } from '../context.ts'
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
    const report = await checkStore(workspace.store, { repair })
    for (const finding of report.findings) context.printError(`${finding.message}\n`)
    context.print(report.findings.length === 0 ? `sound: ${report.blobs} blobs, ${report.names} names\n` : `${report.findings.length} findings\n`)
    return report.findings.length === 0 ? 0 : 1
  },
)
