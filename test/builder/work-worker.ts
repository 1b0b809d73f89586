import { Session } from 'node:inspector/promises'
import { parentPort } from 'node:worker_threads'

// Counters are compiled in only where counting has begun before the code is read: hence a thread of its own, and imports below that.
const session = new Session()
session.connect()
await session.post('Profiler.enable')
await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
const { parseDockerfile } = await import('../../builder/dockerfile/parse.ts')
const { expandWord } = await import('../../builder/dockerfile/expand.ts')

parentPort?.on('message', ({ job, text }: { job: 'parse' | 'expand'; text: string }) => void answer(job, text))

async function answer(job: 'parse' | 'expand', text: string): Promise<void> {
  await count() // begins anew
  try {
    if (job === 'parse') parseDockerfile(text, 'D')
    else expandWord(text, { env: new Map([['a', 'x'.repeat(1000)]]), escape: '\\' })
  } catch {
    // What it comes to is another test's business.
  }
  parentPort?.postMessage(await count())
}

/** How often functions and blocks of builder/ were entered since the last call. */
async function count(): Promise<number> {
  const { result } = await session.post('Profiler.takePreciseCoverage')
  const functions = result.filter(({ url }) => url.includes('/dist/builder/')).flatMap((script) => script.functions)
  return functions.flatMap(({ ranges }) => ranges).reduce((sum, range) => sum + range.count, 0)
}
