import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NativeOps } from '../../../native/ops.ts'
import { openStore, type Store, type StoreOptions } from '../../../registry/store/store.ts'

/** flock(1) in a child. */
export function testNative(): NativeOps {
  const never = async () => {
    throw new Error('not here')
  }
  return {
    list: never,
    pack: never,
    index: never,
    read: never,
    clone: never,
    flatten: never,
    hash: async ({ root, paths }) =>
      paths.map((path) => ({
        digest: createHash('sha256')
          .update(readFileSync(join(root, path)))
          .digest(),
        size: 0,
        inode: 0,
        mtime: { seconds: 0, nanoseconds: 0 },
        ctime: { seconds: 0, nanoseconds: 0 },
      })),
    async lock({ path, mode }, { wait = true } = {}) {
      const child = spawn('flock', [mode === 'shared' ? '-s' : '-x', ...(wait ? [] : ['-n']), path, 'sh', '-c', 'echo got; cat'], {
        stdio: ['pipe', 'pipe', 'ignore'],
      })
      const exited = once(child, 'exit')
      const got = await Promise.race([once(child.stdout, 'data').then(() => true), exited.then(() => false)])
      if (!got) return undefined
      const release = async () => {
        child.stdin.end()
        await exited
      }
      return { release, [Symbol.asyncDispose]: release }
    },
    [Symbol.asyncDispose]: async () => {},
  }
}

export interface TestStore extends AsyncDisposable {
  readonly root: string
  readonly store: Store
  reopen(options?: Partial<StoreOptions>): Promise<Store>
}
export async function testStore(): Promise<TestStore> {
  const folder = mkdtempSync(join(tmpdir(), 'tsbuild-store-'))
  const native = testNative()
  const root = join(folder, 'root')
  const open = (options: Partial<StoreOptions> = {}) => openStore({ root, native, bootId: 'boot-1', now: Date.now, ...options })
  const store = await open()
  return {
    root,
    store,
    reopen: open,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]()
      await native[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
