import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { busyboxImage } from '../fixtures/busybox.ts'
import { openAddon } from '../native/addon.ts'
import { measure, median, type Sample } from './measure.ts'
import { startRegistry } from './registry.ts'
import { buildah, type Tool, tsbuild } from './tools.ts'
import { makeContexts, sample, type Workload, workloads } from './workloads.ts'

/** `npm run bench -- [--runs 9] [--user NAME] [--only TEXT] [--folder DIR] [--json FILE]`: every workload, all tools in turn in one run. */
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '9' },
    user: { type: 'string' },
    only: { type: 'string', default: '' },
    folder: { type: 'string', default: '/var/tmp/tsbuild-bench' },
    json: { type: 'string' },
  },
})

interface Row {
  readonly workload: string
  readonly tool: string
  readonly median: number
  readonly min: number
  readonly max: number
  readonly runs: number
  readonly peakBytes: number
}

async function main(): Promise<void> {
  const folder = resolve(values.folder)
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  const registry = await startRegistry(join(folder, 'registry'))
  try {
    const base = join(folder, 'base')
    await busyboxImage(openAddon(resolve('native/build/Release/tsbuild_addon.node')), base)
    const surroundings = { folder, base, registry: registry.address }
    makeContexts(surroundings)
    const tools = toolsHere()
    await publishBig(folder, registry.address)
    const rows: Row[] = []
    for (const workload of workloads(surroundings).filter(({ name }) => name.includes(values.only)))
      rows.push(...(await compare(workload, tools, folder)))
    if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`)
  } finally {
    registry.stop()
  }
}

/** As root both tools as root, and with --user as that user too; otherwise both as the caller. */
function toolsHere(): Tool[] {
  const program = resolve('tsbuild')
  const users = [undefined, ...(values.user === undefined ? [] : [values.user])]
  return users.flatMap((user) => [tsbuild(program, user), buildah(user)])
}

/** The image that is pulled is buildah's, so that its layer is compressed as most are. */
async function publishBig(folder: string, registry: string): Promise<void> {
  const state = stateOf(folder, 'publisher', undefined)
  const tool = buildah(undefined)
  await measure(tool.build({ state, context: join(folder, 'big'), tag: 'localhost/bench/big:latest' }))
  await measure(tool.push({ state, tag: 'localhost/bench/big:latest', destination: `${registry}/bench/big:latest` }))
  await measure(tool.clear(state))
}

/** One sample of each tool in turn, `runs` times, so that what else the machine does hits all alike; then one more each for memory. */
async function compare(workload: Workload, tools: readonly Tool[], folder: string): Promise<Row[]> {
  const samples = new Map<Tool, Sample[]>(tools.map((tool) => [tool, []]))
  const peaks = new Map<Tool, number>()
  for (const tool of tools) {
    await measure(tool.clear(statesOf(folder, tool)))
    await measure(tool.load({ state: statesOf(folder, tool), layout: join(folder, 'base'), tag: 'localhost/bench/base:latest' }))
    await sample(workload, tool, statesOf(folder, tool), false) // not counted: warms caches, and gives 'unchanged' something to find
  }
  for (let run = 0; run < Number(values.runs); run++)
    for (const tool of tools) samples.get(tool)?.push(await sample(workload, tool, statesOf(folder, tool), false))
  for (const tool of tools) peaks.set(tool, (await sample(workload, tool, statesOf(folder, tool), true)).peakBytes ?? 0)
  const rows = tools.map((tool) => rowOf(workload, tool, samples.get(tool) ?? [], peaks.get(tool) ?? 0))
  report(workload, rows)
  return rows
}

function rowOf(workload: Workload, tool: Tool, samples: readonly Sample[], peakBytes: number): Row {
  const times = samples.map(({ ms }) => ms)
  return {
    workload: workload.name,
    tool: tool.name,
    median: median(times),
    min: Math.min(...times),
    max: Math.max(...times),
    runs: times.length,
    peakBytes,
  }
}

/** Our median stands beside the best of the peers: their lowest median, and the fastest run that any of them had. */
function report(workload: Workload, rows: readonly Row[]): void {
  const peers = rows.filter(({ tool }) => !tool.startsWith('tsbuild'))
  const best = Math.min(...peers.map((row) => row.median))
  const fastest = Math.min(...peers.map((row) => row.min))
  console.log(`\n${workload.name} (aim: ${workload.aim} of the peer's best)`)
  for (const row of rows) {
    const [ofBest, ofFastest] = [best, fastest].map((peer) => (row.median / peer).toFixed(3))
    const ratio = peers.includes(row) ? '' : `  ${ofBest} of the peers' best median, ${ofFastest} of their fastest run`
    const times = [row.median, row.min, row.max].map((ms) => (ms / 1000).toFixed(3))
    console.log(
      `  ${row.tool.padEnd(16)} median ${times[0]} s [${times[1]}-${times[2]}], peak ${(row.peakBytes / 1e6).toFixed(0)} MB${ratio}`,
    )
  }
}

function statesOf(folder: string, tool: Tool): string {
  return stateOf(folder, tool.name.replace(/\W/g, '-'), tool.name.endsWith('rootless') ? values.user : undefined)
}

function stateOf(folder: string, name: string, user: string | undefined): string {
  const state = join(folder, 'states', name)
  mkdirSync(state, { recursive: true })
  if (user !== undefined) chownSync(state, Number(execFileSync('id', ['-u', user])), Number(execFileSync('id', ['-g', user])))
  chmodSync(state, 0o700)
  return state
}

if (userInfo().uid !== 0 && values.user !== undefined) throw new Error('--user needs root')
await main()
