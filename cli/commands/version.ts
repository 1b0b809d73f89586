import { command } from '../context.ts'
import { nativeParts } from '../native-parts.ts'

export const run = command({ path: ['version'], summary: 'Prints the version and what the native core was built with.', operands: [], flags: {} }, async (_options, _operands, context) => {
  const parts = nativeParts(context)
  context.print(`tsbuild ${context.version}\nnode ${process.versions.node}\nnative ${parts.describe()}\n`)
  return 0
})
