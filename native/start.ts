import { spawn } from 'node:child_process'
import type { Duplex } from 'node:stream'
import { TsbuildError } from '../registry/oci/error.ts'
import { Connection, type HelperSocket } from './connection.ts'
import { failureFrom } from './failure.ts'
import { PROTOCOL_VERSION } from './protocol.ts'

/** A started helper process: its socket, and how it ends. */
export interface HelperProcess {
  readonly socket: HelperSocket
  /** Resolves when the process has ended and was reaped; rejects when it could not be started. */
  readonly ended: Promise<void>
  kill(): void
}

export type SpawnHelper = (path: string, args: readonly string[], env: Readonly<Record<string, string>>) => HelperProcess

export interface StartOptions {
  /** The executable tsbuild-sandbox. */
  readonly path: string
  /** Of this package; a helper of another version is refused. */
  readonly version: string
  /** Environment of the helper. Without one it has an empty environment: nothing secret can be read from it. */
  readonly env?: Readonly<Record<string, string>>
  readonly spawn?: SpawnHelper
}

/** A helper that has said hello. */
export interface StartedHelper {
  readonly connection: Connection
  /** Its id map, as text: trees that were unpacked under another one are other trees. */
  readonly idMap: string
  /** Ends the helper and everything it runs; resolves when it is gone. */
  stop(): Promise<void>
}

const STOP_TIMEOUT_MS = 2000

/**
 * Starts the helper. Call it on the main thread: the helper is killed when the thread that started it ends (PR_SET_PDEATHSIG, prctl(2)).
 * Throws NATIVE_FAILURE when it cannot come up (its cause says why), HELPER_VERSION when it is not of this version.
 */
export async function startProcess(args: readonly string[], options: StartOptions): Promise<StartedHelper> {
  const process = (options.spawn ?? spawnHelper)(options.path, [...args, '--version', options.version], options.env ?? {})
  const connection = new Connection(process.socket)
  const stop = async () => {
    connection.close()
    const timer = setTimeout(() => process.kill(), STOP_TIMEOUT_MS)
    await process.ended.catch(() => {}) // a process that never was is gone, too
    clearTimeout(timer)
  }
  try {
    const failed = process.ended.then(() => new Promise<never>(() => {}))
    const hello = await Promise.race([connection.hello(), failed])
    if (hello.protocol !== PROTOCOL_VERSION || hello.version !== options.version) throw wrongVersion(options, hello.version)
    return { connection, idMap: hello.idMap, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function wrongVersion(options: StartOptions, version: string): TsbuildError {
  const hint = 'build or install the helper again: npm run native'
  return new TsbuildError('HELPER_VERSION', `${options.path} is version ${version}, not ${options.version}`, { hint })
}

/** With child_process: descriptor 3 is a socket pair, standard error is ours. */
function spawnHelper(path: string, args: readonly string[], env: Readonly<Record<string, string>>): HelperProcess {
  const child = spawn(path, args, { env, cwd: '/', stdio: ['ignore', 'ignore', 'inherit', 'pipe'] })
  const ended = new Promise<void>((resolve, reject) => {
    child.once('exit', () => resolve())
    child.once('error', (cause: NodeJS.ErrnoException) => reject(failureFrom(-(cause.errno ?? 0), 'spawn', path)))
  })
  ended.catch(() => {}) // told to whoever waits for the hello
  child.unref()
  return { socket: child.stdio[3] as Duplex, ended, kill: () => void child.kill('SIGKILL') }
}
