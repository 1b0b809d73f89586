import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** One run of a command: wall time in milliseconds, and the peak resident memory (bytes) of its largest process where that was watched. */
export interface Sample {
  readonly ms: number
  readonly peakBytes: number | undefined
}

export interface Job {
  readonly argv: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Run as this user, with his groups. */
  readonly user?: string | undefined
}

/** Runs one command to its end; throws with its output when it fails. Watching memory costs time, so it is asked for in runs of their own. */
export async function measure(job: Job, watchMemory = false): Promise<Sample> {
  const argv = job.user === undefined ? job.argv : ['runuser', '-u', job.user, '--', ...job.argv]
  const [program = '', ...rest] = argv
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env // costs each start of Node 40 ms, and no peer reads it
  const started = performance.now()
  const child = spawn(program, rest, { cwd: job.cwd, env: { ...env, ...job.env }, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  const output: Buffer[] = []
  child.stdout.on('data', (bytes: Buffer) => output.push(bytes))
  child.stderr.on('data', (bytes: Buffer) => output.push(bytes))
  let peak = 0
  const watcher = watchMemory ? setInterval(() => (peak = Math.max(peak, peakOfSession(child.pid ?? 0))), 20) : undefined
  const status = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve))
  const ms = performance.now() - started
  clearInterval(watcher)
  if (status !== 0) throw new Error(`${argv.join(' ')} ended with ${status}:\n${Buffer.concat(output).toString('utf8').slice(-2000)}`)
  return { ms, peakBytes: watchMemory ? peak : undefined }
}

/** VmHWM of the largest process of a session. proc(5). */
function peakOfSession(session: number): number {
  let peak = 0
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      if (Number(stat.slice(stat.lastIndexOf(')')).split(' ')[4]) !== session) continue
      peak = Math.max(peak, 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0))
    } catch {
      // the process has ended between two reads
    }
  }
  return peak
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}
