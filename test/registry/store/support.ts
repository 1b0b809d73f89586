import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NativeOps } from '../../../native/ops.ts'
import type { Descriptor } from '../../../registry/oci/descriptor.ts'
import { type ErrorCode, hasCode } from '../../../registry/oci/error.ts'
import { openStore, type Store, type StoreOptions } from '../../../registry/store/store.ts'
import { openTestNative } from './native.ts'

export interface TestStore extends AsyncDisposable {
  /** A folder for this test; the store is in it. */
  readonly folder: string
  readonly root: string
  readonly store: Store
  readonly native: NativeOps
  /** How many files were hashed natively so far. */
  hashed(): number
  /** The same store as another process would open it. */
  reopen(options?: Partial<StoreOptions>): Promise<Store>
  remove(): Promise<void>
}

/** A store in a folder of its own; disposing closes it and removes the folder. With `keep` both is left to the test. */
export async function testStore({ keep = false } = {}): Promise<TestStore> {
  const folder = mkdtempSync(join(tmpdir(), 'tsbuild-store-'))
  const root = join(folder, 'root')
  const real = openTestNative()
  let hashed = 0
  const native: NativeOps = {
    ...bound(real),
    hash: (request, signal) => {
      hashed += request.paths.length
      return real.hash(request, signal)
    },
  }
  const reopen = (options: Partial<StoreOptions> = {}) => openStore({ root, native, bootId: 'boot-1', now: Date.now, ...options })
  const store = await reopen()
  const remove = async () => {
    await real[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  }
  const close = async () => {
    if (keep) return
    await store[Symbol.asyncDispose]()
    await remove()
  }
  return { folder, root, store, native, hashed: () => hashed, reopen, remove, [Symbol.asyncDispose]: close }
}

function bound(native: NativeOps): NativeOps {
  return {
    list: (...a) => native.list(...a),
    hash: (...a) => native.hash(...a),
    pack: (...a) => native.pack(...a),
    index: (...a) => native.index(...a),
    read: (...a) => native.read(...a),
    clone: (...a) => native.clone(...a),
    flatten: (...a) => native.flatten(...a),
    lock: (...a) => native.lock(...a),
    [Symbol.asyncDispose]: async () => {},
  }
}

export const failsWith = (code: ErrorCode) => (error: unknown) => hasCode(error, code)

export async function textOf(source: AsyncIterable<Uint8Array>): Promise<string> {
  return Buffer.concat(await listOf(source)).toString()
}

export async function listOf<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of source) items.push(item)
  return items
}

/** A process of its own (writer.ts) that writes into the store until it is killed. */
export function startWriter(root: string, descriptor: Descriptor, what: 'ingest' | 'temporary' | 'names' = 'ingest') {
  const child = fork(new URL('./writer.js', import.meta.url), [root, what, JSON.stringify(descriptor)], { stdio: 'inherit' })
  const exited = once(child, 'exit')
  return {
    ready: once(child, 'message'),
    async kill(): Promise<void> {
      child.kill('SIGKILL')
      await exited
    },
  }
}
