import { rm } from 'node:fs/promises'
import { TsbuildError } from '../registry/oci/error.ts'
import type { Connection, RequestOptions } from './connection.ts'
import { nativeCauseOf } from './failure.ts'
import type { Frame } from './frames.ts'
import { KIND, STREAM_WINDOW } from './protocol.ts'
import { decodeIndex, type IndexReply } from './requests/layers.ts'
import {
  decodeMeasure,
  decodeProbe,
  decodeSeal,
  decodeStep,
  encodeBegin,
  encodePaths,
  encodeProbe,
  encodeSeal,
  encodeStep,
  encodeUnpack,
  type Fact,
  type SealReply,
  type SealRequest,
  type StepReply,
  type StepRequest,
  type TreeRequest,
  type UnpackRequest,
} from './requests/trees.ts'
import { type StartOptions, startProcess } from './start.ts'
import { type Bytes, Reader, Writer } from './wire.ts'

/** Where the ids of the helper's user namespace come from; 'auto' takes the first of own (root only), ranges, single that is to be had. */
export type Ids = 'auto' | 'own' | 'ranges' | 'single' | 'host'

/** Output of a running command. A promise that is returned holds the command back until it resolves. */
export interface HelperOutput {
  stdout(bytes: Uint8Array): void | Promise<void>
  stderr(bytes: Uint8Array): void | Promise<void>
  /** Given to the command as its standard input while it runs. A source that throws cancels the step. */
  readonly stdin?: AsyncIterable<Uint8Array>
}

/**
 * The helper process with namespaces. Each call fails with NATIVE_FAILURE, with HELPER_DIED, or with the signal's reason once nothing of the request is
 * left running. `cause.syscall === 'exec'` of a step: everything was ready, but the command could not be started (ENOENT, EACCES, ELIBACC, ENOEXEC).
 */
export interface Helper extends AsyncDisposable {
  /** Text of its uid_map and gid_map (user_namespaces(7)). */
  readonly idMap: string
  /** `scratch` is an empty folder of the store, in which overlayfs is tried (what is left in it is removed with `remove`); without one nothing is said of it. */
  probe(scratch: Bytes, signal?: AbortSignal): Promise<Fact[]>
  begin(tree: TreeRequest, signal?: AbortSignal): Promise<void>
  unpack(request: UnpackRequest, signal?: AbortSignal): Promise<IndexReply>
  step(request: StepRequest, output: HelperOutput, signal?: AbortSignal): Promise<StepReply>
  seal(request: SealRequest, signal?: AbortSignal): Promise<SealReply>
  remove(paths: readonly Bytes[], signal?: AbortSignal): Promise<void>
  /** Bytes that each tree takes on the disk, a file with several names once; 0 for one that is gone. */
  measure(paths: readonly Bytes[], signal?: AbortSignal): Promise<number[]>
}

/** Starts the helper and waits until it is in its namespaces; NO_USER_NAMESPACE where the kernel lets it make none. The caller disposes of it; when this process dies, so does the helper and all it runs. */
export async function startHelper(options: StartOptions & { readonly ids?: Ids }): Promise<Helper> {
  const { connection, idMap, stop } = await startProcess(['serve', '--ids', options.ids ?? 'auto'], options).catch(explain)
  const ask = async (kind: number, body: Uint8Array, signal?: AbortSignal) => new Reader(await connection.request(kind, body, { signal }))
  return {
    idMap,
    probe: async (scratch, signal) => decodeProbe(await ask(KIND.probe, encodeProbe(scratch), signal)),
    begin: async (tree, signal) => void (await ask(KIND.begin, encodeBegin(tree), signal)),
    unpack: (request, signal) =>
      removing([request.toc], signal, async () => decodeIndex(await ask(KIND.unpack, encodeUnpack(request), signal))),
    step: (request, output, signal) => runStep(connection, request, output, signal),
    seal: (request, signal) =>
      removing([request.output, request.toc], signal, async () => decodeSeal(await ask(KIND.seal, encodeSeal(request), signal))),
    remove: async (paths, signal) => void (await ask(KIND.remove, encodePaths(paths), signal)),
    measure: async (paths, signal) => decodeMeasure(await ask(KIND.measure, encodePaths(paths), signal)),
    [Symbol.asyncDispose]: stop,
  }
}

// Calls of the way into the namespaces. Where user namespaces are made powerless (AppArmor on Ubuntu 24.04), clone3 succeeds and the next ones fail.
const WAY_IN = ['clone3', 'setresgid', 'setresuid', 'setgroups', 'mount', 'write', 'newuidmap', 'newgidmap']

function explain(error: unknown): never {
  const cause = nativeCauseOf(error)
  if (cause === undefined || !WAY_IN.includes(cause.syscall)) throw error
  const hint =
    cause.code === 'ENOSPC'
      ? 'raise the limit in /proc/sys/user/max_user_namespaces'
      : cause.code === 'EPERM' && cause.syscall === 'write' && process.geteuid?.() === 0
        ? 'root without capabilities may map no ids (CAP_SETFCAP, user_namespaces(7)): run it as another user, or leave root the capabilities that containers have by default'
        : 'allow user namespaces: sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0 or an AppArmor profile for the helper'
  throw new TsbuildError('NO_USER_NAMESPACE', `no user namespace is to be had here: ${cause.message}`, { cause, hint })
}

/** A cancelled request was killed, so it could not remove the new files it had begun. */
async function removing<T>(files: readonly Bytes[], signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (signal?.aborted) for (const file of files) if (file !== '') await rm(Buffer.from(file, 'latin1'), { force: true })
    throw error
  }
}

async function runStep(connection: Connection, request: StepRequest, output: HelperOutput, signal?: AbortSignal): Promise<StepReply> {
  const stop = new AbortController()
  const input = request.stdin && output.stdin !== undefined ? new StepInput(connection, output.stdin) : undefined
  const passing = new Set<Promise<void>>()
  let id = 0
  const pass = async (bytes: Uint8Array, write: (bytes: Uint8Array) => void | Promise<void>) => {
    await write(bytes)
    connection.send(id, KIND.credit, new Writer().u32(bytes.length).take())
  }
  const track = (work: Promise<void>) => {
    const tracked = work.catch((error) => stop.abort(error)).finally(() => passing.delete(tracked))
    passing.add(tracked)
  }
  const onFrame = (frame: Frame) => {
    if (frame.kind === KIND.stdout) track(pass(frame.body, (bytes) => output.stdout(bytes)))
    else if (frame.kind === KIND.stderr) track(pass(frame.body, (bytes) => output.stderr(bytes)))
    else if (frame.kind === KIND.credit) input?.credit(new Reader(frame.body).u32())
  }
  const options: RequestOptions = { signal: signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]), onFrame }
  try {
    const reply = connection.request(KIND.step, encodeStep(request), options, (own) => {
      id = own
      input?.run(own).catch((error) => stop.abort(error))
    })
    return decodeStep(new Reader(await reply))
  } finally {
    input?.end()
    await Promise.all(passing)
  }
}

const MAX_PIECE = 64 << 10

/** Standard input on its way to the command: never more than a window ahead of what the command has read. */
class StepInput {
  readonly #connection: Connection
  readonly #source: AsyncIterator<Uint8Array>
  #window = STREAM_WINDOW
  #over = false
  #wake: () => void = () => {}

  constructor(connection: Connection, source: AsyncIterable<Uint8Array>) {
    this.#connection = connection
    this.#source = source[Symbol.asyncIterator]()
  }

  credit(bytes: number): void {
    this.#window += bytes
    this.#wake()
  }

  /** The command has ended: nothing more is asked of the source. */
  end(): void {
    this.#over = true
    this.#wake()
    this.#source.return?.().catch(() => {}) // its own trouble on the way out is nobody's
  }

  async run(id: number): Promise<void> {
    for (;;) {
      const next = await this.#source.next()
      if (this.#over) return
      if (next.done) break
      for (let at = 0; at < next.value.length && !this.#over; ) at += await this.#send(id, next.value.subarray(at))
    }
    this.#connection.send(id, KIND.stdin)
  }

  async #send(id: number, bytes: Uint8Array): Promise<number> {
    while (this.#window === 0 && !this.#over) await new Promise<void>((resolve) => (this.#wake = resolve))
    const size = Math.min(bytes.length, this.#window, MAX_PIECE)
    this.#window -= size
    if (!this.#over) this.#connection.send(id, KIND.stdin, bytes.subarray(0, size))
    return size
  }
}
