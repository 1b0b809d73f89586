import type { Context, ProgressMode } from '../context.ts'
import type { RunLog } from '../progress/run-log.ts'
import { didAnything } from '../progress/summary.ts'

/** What is set when limits of the store are not the usual ones. */
const PREFIX = 'TSBUILD_GC'

/**
 * Sees to the size of the store when it is disposed of, after whatever was opened later: not when the build found everything in the cache, and not when it was
 * interrupted. Throws USAGE for variables that cannot be read, before anything is built.
 */
export async function careAfter(log: RunLog, context: Context, mode: ProgressMode): Promise<AsyncDisposable> {
  if (Object.keys(context.env).some((name) => name.startsWith(PREFIX))) (await import('./limits.ts')).gcLimits(context.env, 0)
  return {
    async [Symbol.asyncDispose]() {
      if (!didAnything(log.steps) || context.signal.aborted) return
      const { careForStore } = await import('./automatic.ts')
      await careForStore(log.steps, context, { isSilent: mode === 'quiet' || mode === 'rawjson' })
    },
  }
}
