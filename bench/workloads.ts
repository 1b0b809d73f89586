import { appendFileSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { context, manyFiles, realTree } from './fixtures.ts'
import { type Job, measure, type Sample } from './measure.ts'
import type { Tool } from './tools.ts'

/** One thing to time, for one tool. `prepare` runs before each sample and is not counted. */
export interface Workload {
  readonly name: string
  /** Of the first aims: our median to the peer's best. */
  readonly aim: number
  prepare(tool: Tool, state: string): Promise<void>
  run(tool: Tool, state: string): readonly Job[]
}

export interface Surroundings {
  /** Folder for fixtures; kept between runs of the benchmark. */
  readonly folder: string
  /** OCI layout of the base image. */
  readonly base: string
  /** `host:port` of a registry. */
  readonly registry: string
}

const BASE = 'localhost/bench/base:latest'
const TAG = 'localhost/bench/app:latest'

/** Times one workload for one tool: `prepare`, then its commands one after the other as one sample. */
export async function sample(workload: Workload, tool: Tool, state: string, watchMemory: boolean): Promise<Sample> {
  await workload.prepare(tool, state)
  let [ms, peak] = [0, 0]
  for (const job of workload.run(tool, state)) {
    const one = await measure(job, watchMemory)
    ms += one.ms
    peak = Math.max(peak, one.peakBytes ?? 0)
  }
  return { ms, peakBytes: watchMemory ? peak : undefined }
}

export function workloads({ folder, base, registry }: Surroundings): Workload[] {
  const load = async (tool: Tool, state: string) => void (await measure(tool.load({ state, layout: base, tag: BASE })))
  const fresh = async (tool: Tool, state: string) => {
    await measure(tool.clear(state))
    await load(tool, state)
  }
  const build = (tool: Tool, state: string, name: string, noCache = false) =>
    tool.build({ state, context: join(folder, name), tag: TAG, noCache })
  let edits = 0
  return [
    {
      name: 'no-op, 12 steps',
      aim: 0.1,
      prepare: (tool, state) => measure(build(tool, state, 'noop')).then(() => undefined),
      run: (tool, state) => [build(tool, state, 'noop')],
    },
    { name: '30 tiny RUN', aim: 0.06, prepare: async () => {}, run: (tool, state) => [build(tool, state, 'tiny', true)] },
    { name: 'COPY 10,000 files, cold', aim: 0.35, prepare: fresh, run: (tool, state) => [build(tool, state, 'copy')] },
    { name: 'COPY 10,000 files, unchanged', aim: 0.03, prepare: async () => {}, run: (tool, state) => [build(tool, state, 'copy')] },
    {
      name: 'commit + push of 350 MB',
      aim: 0.35,
      prepare: fresh,
      run: (tool, state) => [
        build(tool, state, 'big'),
        tool.push({ state, tag: TAG, destination: `${registry}/bench/${tool.name.replace(/\W/g, '-')}-${edits++}:latest` }),
      ],
    },
    {
      name: 'pull + unpack + RUN of 350 MB',
      aim: 0.6,
      prepare: async (tool, state) => void (await measure(tool.clear(state))),
      run: (tool, state) => [build(tool, state, 'pulled')],
    },
  ]
}

/** Makes the contexts that are not there yet. */
export function makeContexts({ folder, registry }: Surroundings): void {
  const steps = Array.from({ length: 10 }, (_, i) => `RUN echo ${i} > /file${i}\n`).join('')
  context(join(folder, 'noop'), `FROM ${BASE}\nCOPY app /app\n${steps}CMD ["/app/f1.js"]\n`)
  mkdirSync(join(folder, 'noop/app'), { recursive: true })
  for (let i = 0; i < 20; i++) writeFileSync(join(folder, `noop/app/f${i}.js`), `console.log(${i})\n`)
  context(join(folder, 'tiny'), `FROM ${BASE}\n${Array.from({ length: 30 }, (_, i) => `RUN echo ${i} > /f${i}\n`).join('')}`)
  context(join(folder, 'copy'), `FROM ${BASE}\nCOPY src /src\n`)
  context(join(folder, 'big'), 'FROM scratch\nCOPY root /\n')
  context(join(folder, 'pulled'), `FROM ${registry}/bench/big:latest\nRUN ["/bin/busybox", "true"]\n`)
  const marker = join(folder, 'made')
  try {
    writeFileSync(marker, '', { flag: 'wx' })
  } catch {
    return
  }
  manyFiles(join(folder, 'copy/src'), 10_000)
  realTree(join(folder, 'big/root'), 350e6)
  mkdirSync(join(folder, 'big/root/bin'), { recursive: true })
  copyFileSync('/bin/busybox', join(folder, 'big/root/bin/busybox'))
  appendFileSync(marker, 'all\n')
}
