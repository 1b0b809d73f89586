import { command } from '../context.ts'
import { openNative } from '../native-parts.ts'

export const run = command(
  { path: ['version'], summary: 'Prints the version and what the native core was built with.', operands: [], flags: {} },
  async (_options, _operands, context) => {
    const core = await openNative(context)
    context.print(`tsbuild ${context.version}\nnode ${process.versions.node}\nnative ${core.description}\n`)
    await core.native[Symbol.asyncDispose]()
    return 0
  },
)
