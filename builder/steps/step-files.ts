import { bytesOfText } from '../../native/wire.ts'
import type { MergedView } from '../../registry/store/view.ts'
import type { StepFiles } from './exits.ts'

/** Scripts are small; what is larger is not read to explain why it failed. */
const MAX_BYTES = 1 << 20

/** The files that a step began with, read out of the layers. */
export function stepFiles(view: MergedView, signal: AbortSignal): StepFiles {
  const at = (path: string) => view.resolve(bytesOfText(path.replace(/^\/+/, ''))).node
  return {
    has: (path) => at(path) !== undefined,
    async read(path) {
      const node = at(path)
      if (node?.type !== 'file' || node.entry.size > MAX_BYTES) return undefined
      return Buffer.from(await view.readFile(node, MAX_BYTES, signal)).toString('utf8')
    },
  }
}
