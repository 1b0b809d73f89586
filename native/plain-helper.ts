import { hasCode } from '../registry/oci/error.ts'
import type { Connection } from './connection.ts'
import type { Frame } from './frames.ts'
import type { HeldLock, LockOptions, NativeOps } from './ops.ts'
import { KIND } from './protocol.ts'
import { decodeHash, decodeList, encodeClone, encodeHash, encodeList, encodeLock, type LockRequest } from './requests/files.ts'
import { decodeFlatten, decodeIndex, decodePack, encodeFlatten, encodeIndex, encodePack, encodeRead } from './requests/layers.ts'
import { type StartOptions, startProcess } from './start.ts'
import { Reader } from './wire.ts'

/** NativeOps by a helper process in plain mode, for a place where the addon cannot be loaded. Ends with this process at the latest. */
export async function openPlainHelper(options: StartOptions): Promise<NativeOps> {
  const { connection, stop } = await startProcess(['plain'], options)
  const ask = (kind: number, body: Uint8Array, signal?: AbortSignal) => connection.request(kind, body, { signal })
  const read = async (kind: number, body: Uint8Array, signal?: AbortSignal) => new Reader(await ask(kind, body, signal))
  return {
    list: async (request, signal) => decodeList(await read(KIND.list, encodeList(request), signal)),
    hash: async (request, signal) => decodeHash(await read(KIND.hash, encodeHash(request), signal)),
    pack: async (request, signal) => decodePack(await read(KIND.pack, encodePack(request), signal)),
    index: async (request, signal) => decodeIndex(await read(KIND.index, encodeIndex(request), signal)),
    read: (request, signal) => ask(KIND.read, encodeRead(request), signal),
    clone: async (request, signal) => void (await ask(KIND.clone, encodeClone(request), signal)),
    flatten: async (request, signal) => decodeFlatten(await read(KIND.flatten, encodeFlatten(request), signal)),
    lock: (request, lockOptions) => lock(connection, request, lockOptions),
    [Symbol.asyncDispose]: stop,
  }
}

/** The request lasts as long as the lock is held: progress 0 says that somebody else has it, progress 1 that it is ours, a cancel gives it back. */
async function lock(connection: Connection, request: LockRequest, options: LockOptions = {}): Promise<HeldLock | undefined> {
  const stop = new AbortController()
  const free = Symbol('not held')
  let isHeld: () => void = () => {}
  const held = new Promise<void>((resolve) => {
    isHeld = resolve
  })
  const onFrame = (frame: Frame) => {
    if (frame.kind !== KIND.progress) return
    if (new Reader(frame.body).u64() === 1) isHeld()
    else if (options.wait === false) stop.abort(free)
    else options.onWait?.()
  }
  const cancel = () => stop.abort(options.signal?.reason)
  if (options.signal?.aborted) throw options.signal.reason
  options.signal?.addEventListener('abort', cancel, { once: true })
  const over = connection.request(KIND.lock, encodeLock(request), { signal: stop.signal, onFrame })
  const release = async () => {
    stop.abort(free)
    await over.catch((error) => {
      if (error !== free && !hasCode(error, 'HELPER_DIED')) throw error // with the helper the lock is gone, too
    })
  }
  try {
    await Promise.race([held, over])
    return { release, [Symbol.asyncDispose]: release }
  } catch (error) {
    if (error === free) return undefined
    throw error
  } finally {
    options.signal?.removeEventListener('abort', cancel)
  }
}
