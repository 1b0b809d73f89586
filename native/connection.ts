import type { Duplex } from 'node:stream'
import { TsbuildError } from '../registry/oci/error.ts'
import { readFailure } from './failure.ts'
import { type Frame, FrameParser, frameHead } from './frames.ts'
import { KIND } from './protocol.ts'
import { Reader } from './wire.ts'

/** The socket to the helper. With `ref` and `unref` (a net.Socket has them) an idle connection does not keep the process alive. */
export type HelperSocket = Duplex & { ref?(): unknown; unref?(): unknown }

export interface RequestOptions {
  /** Cancels the request: everything it had started is killed before the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Each frame about this request but the last: output, progress, credit. */
  readonly onFrame?: ((frame: Frame) => void) | undefined
}

export interface Hello {
  readonly protocol: number
  readonly version: string
  /** Text of the helper's uid_map and gid_map: user_namespaces(7). */
  readonly idMap: string
}

interface Pending {
  readonly resolve: (body: Uint8Array) => void
  readonly reject: (error: unknown) => void
  readonly options: RequestOptions
}

/** Requests and replies over one socket. The helper ends every request with exactly one reply or failure, or the connection ends. */
export class Connection {
  readonly #socket: HelperSocket
  readonly #parser = new FrameParser()
  readonly #pending = new Map<number, Pending>()
  readonly #hello: Promise<Hello>
  #greet: (hello: Hello) => void = () => {}
  #refuse: (error: unknown) => void = () => {}
  #lastId = 0
  #ended: unknown

  constructor(socket: HelperSocket) {
    this.#socket = socket
    this.#hello = new Promise((resolve, reject) => {
      this.#greet = resolve
      this.#refuse = reject
    })
    this.#hello.catch(() => {}) // whoever waits for it gets it; nobody has to
    socket.on('data', (piece: Buffer) => this.#take(piece))
    socket.on('error', (cause) => this.#end(helperDied(cause)))
    socket.on('close', () => this.#end(helperDied(undefined)))
  }

  /** Resolves with the first frame. Rejects with NATIVE_FAILURE when the helper could not come up, HELPER_DIED when it ended without a word. */
  hello(): Promise<Hello> {
    return this.#hello
  }

  /** Starts a request. Frames about it may be sent (`send`) as soon as this returns, with the id that `onId` was given. */
  request(kind: number, body: Uint8Array, options: RequestOptions = {}, onId?: (id: number) => void): Promise<Uint8Array> {
    if (options.signal?.aborted) return Promise.reject(options.signal.reason)
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    this.#lastId = (this.#lastId % 0xffffffff) + 1
    const id = this.#lastId
    return new Promise<Uint8Array>((resolve, reject) => {
      const cancel = () => this.send(id, KIND.cancel)
      const settle = (act: () => void) => {
        options.signal?.removeEventListener('abort', cancel)
        act()
      }
      this.#add(id, { resolve: (reply) => settle(() => resolve(reply)), reject: (error) => settle(() => reject(error)), options })
      options.signal?.addEventListener('abort', cancel, { once: true })
      this.send(id, kind, body)
      onId?.(id)
    })
  }

  /** Sends a frame about a request that runs. */
  send(id: number, kind: number, body: Uint8Array = new Uint8Array(0)): void {
    if (!this.#pending.has(id) || this.#socket.destroyed) return
    this.#socket.write(frameHead(id, kind, body.length))
    if (body.length > 0) this.#socket.write(body)
  }

  /** Ends the connection: the helper then kills everything it runs, and ends. Requests that run reject with HELPER_DIED. */
  close(): void {
    this.#socket.destroy()
  }

  #add(id: number, pending: Pending): void {
    if (this.#pending.size === 0) this.#socket.ref?.()
    this.#pending.set(id, pending)
  }

  #remove(id: number): void {
    this.#pending.delete(id)
    if (this.#pending.size === 0) this.#socket.unref?.()
  }

  #take(piece: Buffer): void {
    try {
      for (const frame of this.#parser.push(piece)) this.#dispatch(frame)
    } catch (cause) {
      this.#end(new TsbuildError('HELPER_PROTOCOL', 'the helper sent what is no message', { cause }))
      this.#socket.destroy()
    }
  }

  #dispatch(frame: Frame): void {
    if (frame.kind === KIND.hello) this.#greet(readHello(frame.body))
    else if (frame.id === 0)
      this.#end(readFailure(new Reader(frame.body))) // about the helper itself
    else this.#answer(frame)
  }

  #answer(frame: Frame): void {
    const pending = this.#pending.get(frame.id)
    if (pending === undefined) return
    if (frame.kind !== KIND.reply && frame.kind !== KIND.failure) {
      pending.options.onFrame?.(frame)
      return
    }
    this.#remove(frame.id)
    if (frame.kind === KIND.reply) pending.resolve(frame.body)
    else pending.reject(pending.options.signal?.aborted ? pending.options.signal.reason : readFailure(new Reader(frame.body)))
  }

  #end(error: unknown): void {
    this.#ended ??= error
    this.#refuse(this.#ended)
    for (const [id, pending] of this.#pending) {
      this.#remove(id)
      pending.reject(pending.options.signal?.aborted ? pending.options.signal.reason : this.#ended)
    }
  }
}

function readHello(body: Uint8Array): Hello {
  const r = new Reader(body)
  return { protocol: r.u32(), version: r.bytes(), idMap: r.atEnd ? '' : r.bytes() + r.bytes() }
}

function helperDied(cause: unknown): TsbuildError {
  return new TsbuildError('HELPER_DIED', 'the helper process has ended', {
    cause,
    hint: 'see its messages above; `tsbuild doctor` tells what this place allows',
  })
}
