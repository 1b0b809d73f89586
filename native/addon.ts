import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Codec } from '../registry/oci/media-type.ts'
import { failureFrom } from './failure.ts'
import type { HeldLock, LockOptions, NativeOps } from './ops.ts'
import { KIND } from './protocol.ts'
import { codeOfCodec, type ReadCodec } from './requests/fields.ts'
import * as files from './requests/files.ts'
import * as layers from './requests/layers.ts'
import { type Bytes, Reader } from './wire.ts'

/** What src/addon/ exports. Paths are byte strings. */
interface Binding {
  readonly version: string
  readonly codecs: string
  request(kind: number, body: Uint8Array, done: (failure: RawFailure | null, reply: Buffer) => void): () => void
  tryLock(path: Bytes, exclusive: boolean): number | RawFailure
  unlock(fd: number): void
  spawn(path: Bytes, argv: Bytes[], env: Bytes[], ended: (exit: number, signal: number) => void): { pid: number; fd: number } | RawFailure
  readonly CodecStream: new (codec: number, encode: boolean, level: number, limit: number) => RawCodecStream
}
interface RawFailure {
  readonly errno: number
  readonly call: Bytes
  readonly path: Bytes
}
interface RawCodecStream {
  push(bytes: Uint8Array, last: boolean, done: (failure: RawFailure | null, pieces: Buffer[], more: boolean) => void): void
}

/** A helper process. `fd` is our end of a SOCK_STREAM socket pair, whose other end is its descriptor 3; the caller closes it. */
export interface SpawnedHelper {
  readonly pid: number
  readonly fd: number
  /** Settles once it has ended: by `exit` code, or by `signal` (0 when it exited). Does not keep Node alive. */
  readonly ended: Promise<{ readonly exit: number; readonly signal: number }>
}

export interface Addon extends NativeOps {
  readonly version: string
  /** Which libraries are built in: "gzip: libdeflate 1.14, zlib 1.2.13; zstd: 1.5.4". */
  readonly codecs: string
  /** Starts `path` with exactly these arguments and variables; standard input is empty, output and errors go where ours go. */
  spawn(path: Bytes, argv: readonly Bytes[], env: readonly Bytes[]): SpawnedHelper
  /** Inflates a stream; fails with EFBIG once more than `maxBytes` have come out. */
  decoder(codec: ReadCodec, source: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array>
  /** Compresses a stream in independent pieces of 1 MiB. Level 0 is the default of the codec. */
  encoder(codec: Codec, source: AsyncIterable<Uint8Array>, level?: number): AsyncGenerator<Uint8Array>
}

const LONGEST_WAIT_MS = 20

/** Loads the addon from this file; throws what process.dlopen throws when it cannot be. */
export function openAddon(path: string): Addon {
  const holder: { exports: unknown } = { exports: {} }
  // dlopen is what require() does for a .node file; called by itself it takes any path, also from inside a bundle.
  process.dlopen(holder as { exports: object }, createRequire(import.meta.url).resolve(path), constants.dlopen.RTLD_NOW)
  return new LoadedAddon(holder.exports as Binding)
}

class LoadedAddon implements Addon {
  readonly #binding: Binding

  constructor(binding: Binding) {
    this.#binding = binding
  }
  get version(): string {
    return this.#binding.version
  }
  get codecs(): string {
    return this.#binding.codecs
  }

  async list(request: files.ListRequest, signal?: AbortSignal) {
    return files.decodeList(await this.#ask(KIND.list, files.encodeList(request), signal))
  }
  async hash(request: files.HashRequest, signal?: AbortSignal) {
    return files.decodeHash(await this.#ask(KIND.hash, files.encodeHash(request), signal))
  }
  async pack(request: layers.PackRequest, signal?: AbortSignal) {
    return layers.decodePack(await this.#ask(KIND.pack, layers.encodePack(request), signal))
  }
  async index(request: layers.IndexRequest, signal?: AbortSignal) {
    return layers.decodeIndex(await this.#ask(KIND.index, layers.encodeIndex(request), signal))
  }
  async read(request: layers.ReadRequest, signal?: AbortSignal) {
    return (await this.#ask(KIND.read, layers.encodeRead(request), signal)).raw(request.size)
  }
  async clone(request: files.CloneRequest, signal?: AbortSignal) {
    await this.#ask(KIND.clone, files.encodeClone(request), signal)
  }
  async flatten(request: layers.FlattenRequest, signal?: AbortSignal) {
    return layers.decodeFlatten(await this.#ask(KIND.flatten, layers.encodeFlatten(request), signal))
  }

  async lock(request: files.LockRequest, options: LockOptions = {}): Promise<HeldLock | undefined> {
    for (let delayMs = 1; ; delayMs = Math.min(delayMs * 2, LONGEST_WAIT_MS)) {
      options.signal?.throwIfAborted()
      const fd = this.#binding.tryLock(request.path, request.mode === 'exclusive')
      if (typeof fd !== 'number') throw errorOf(fd)
      if (fd >= 0) return heldLock(() => this.#binding.unlock(fd))
      if (options.wait === false) return undefined
      if (delayMs === 1) options.onWait?.()
      await sleep(delayMs, undefined, { signal: options.signal }).catch((error: unknown) => {
        options.signal?.throwIfAborted() // its own reason, rather than the AbortError of the timer
        throw error
      })
    }
  }

  spawn(path: Bytes, argv: readonly Bytes[], env: readonly Bytes[]): SpawnedHelper {
    const { promise, resolve } = withResolvers<{ exit: number; signal: number }>()
    const child = this.#binding.spawn(path, [...argv], [...env], (exit, signal) => resolve({ exit, signal }))
    if ('errno' in child) throw errorOf(child)
    return { ...child, ended: promise }
  }

  decoder(codec: ReadCodec, source: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
    return pump(new this.#binding.CodecStream(codeOfCodec(codec), false, 0, maxBytes), source)
  }
  encoder(codec: Codec, source: AsyncIterable<Uint8Array>, level = 0): AsyncGenerator<Uint8Array> {
    return pump(new this.#binding.CodecStream(codeOfCodec(codec), true, level, 0), source)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Nothing outlives its request, and a loaded addon cannot be unloaded.
  }

  #ask(kind: number, body: Uint8Array, signal: AbortSignal | undefined): Promise<Reader> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      const cancel = this.#binding.request(kind, body, (failure, reply) => {
        signal?.removeEventListener('abort', cancel)
        if (failure === null) resolve(new Reader(reply))
        else reject(signal?.aborted ? signal.reason : errorOf(failure))
      })
      signal?.addEventListener('abort', cancel, { once: true })
    })
  }
}

const errorOf = (failure: RawFailure) => failureFrom(failure.errno, failure.call, failure.path)

function heldLock(unlock: () => void): HeldLock {
  let held = true
  const release = async () => {
    if (held) unlock()
    held = false
  }
  return { release, [Symbol.asyncDispose]: release }
}

async function* pump(stream: RawCodecStream, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const nothing = new Uint8Array(0)
  for await (const bytes of source) yield* pieces(stream, bytes, false)
  yield* pieces(stream, nothing, true)
}

async function* pieces(stream: RawCodecStream, bytes: Uint8Array, last: boolean): AsyncGenerator<Uint8Array> {
  for (let input = bytes, more = true; more; input = new Uint8Array(0)) {
    const step = await new Promise<{ pieces: Buffer[]; more: boolean }>((resolve, reject) => {
      stream.push(input, last, (failure, out, left) => (failure === null ? resolve({ pieces: out, more: left }) : reject(errorOf(failure))))
    })
    yield* step.pieces
    more = step.more
  }
}

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
