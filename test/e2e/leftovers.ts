import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { allProcesses, childrenOf, eventually, processesWith, type SeenProcess } from '../../fixtures/processes.ts'
import { HELPER } from '../../fixtures/sandbox.ts'
import { bytesOfText } from '../../native/wire.ts'
import type { Workbench } from './workbench.ts'

/** Long enough for the kernel to end a pid namespace on a busy machine. */
const PATIENCE_MS = 5000

/** A process with the time it began at: the pid alone may be given to another. */
interface Identity {
  readonly pid: number
  readonly began: string
  readonly command: string
}

/** Everything below a process, itself included. */
export function familyOf(pid: number): Identity[] {
  const family = allProcesses().filter((process) => process.pid === pid)
  for (const member of family) family.push(...childrenOf(member.pid))
  return family.flatMap(identify)
}

function identify({ pid, command }: SeenProcess): Identity[] {
  const began = beganAt(pid)
  return began === undefined ? [] : [{ pid, began, command }]
}

function beganAt(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
  } catch {
    return undefined
  }
}

/** What a dead tsbuild left: processes of its family, others that know the bench, mounts below it, locks that are held. Empty is as it must be. */
export async function leftovers(bench: Workbench, family: readonly Identity[] = []): Promise<string[]> {
  const find = () => [
    ...family.filter(({ pid, began }) => beganAt(pid) === began).map(({ pid, command }) => `process ${pid} ${command}`),
    ...processesOf(bench).map(({ pid, command }) => `process ${pid} ${command}`),
    ...mountsOf(bench),
  ]
  let found: string[] = []
  await eventually(() => {
    found = find()
    return found.length === 0
  }, PATIENCE_MS)
  return [...found, ...(await heldLocks(bench))]
}

/** By command line or environment; steps carry the bench's folder as a word of their command. A helper without a parent has lost its tsbuild. */
function processesOf({ folder, mark }: Workbench): SeenProcess[] {
  const known = allProcesses().filter(({ pid, command }) => pid !== process.pid && (command.includes(folder) || environmentHas(pid, mark)))
  return [...known, ...processesWith(HELPER).filter(({ parent }) => parent === 1)]
}

function environmentHas(pid: number, mark: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(mark)
  } catch {
    return false // not ours to read, or gone
  }
}

/** In any mount namespace that can be read: an overlay names the folders it stands on. */
function mountsOf({ folder }: Workbench): string[] {
  return allProcesses().flatMap(({ pid, command }) => {
    try {
      const mounts = readFileSync(`/proc/${pid}/mountinfo`, 'latin1').split('\n')
      return mounts.filter((line) => line.includes(folder)).map((line) => `mount in ${pid} ${command}: ${line}`)
    } catch {
      return []
    }
  })
}

async function heldLocks({ store, native }: Workbench): Promise<string[]> {
  const files = ['locks', 'steps'].map((name) => join(store, name)).filter(existsSync)
  const paths = files.flatMap((folder) =>
    readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => join(folder, name)),
  )
  const held: string[] = []
  for (const path of paths) {
    const lock = await native.lock({ path: bytesOfText(path), mode: 'exclusive' }, { wait: false })
    if (lock === undefined) held.push(`lock ${path}`)
    await lock?.release()
  }
  return held
}

/** Temporary files and folders that dead runs left, and that the next run has to remove. */
export function remains({ store }: Workbench): string[] {
  return ['ingest', 'steps'].flatMap((name) =>
    existsSync(join(store, name)) ? readdirSync(join(store, name)).map((file) => `${name}/${file}`) : [],
  )
}
