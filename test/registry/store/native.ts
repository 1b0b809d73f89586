import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { NativeOps } from '../../../native/ops.ts'

/** flock(1) in a child. */
export function openTestNative(): NativeOps {
  const never = async () => {
    throw new Error('not here')
  }
  return {
    list: never,
    pack: never,
    index: never,
    read: never,
    flatten: never,
    clone: async ({ from, to }) => copyFileSync(from, to),
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
    async lock({ path, mode }, { wait = true, onWait } = {}) {
      const flag = mode === 'shared' ? '-s' : '-x'
      const attempt = async (flags: string[]) => {
        const child = spawn('flock', [flag, ...flags, path, 'sh', '-c', 'echo got; cat'], { stdio: ['pipe', 'pipe', 'ignore'] })
        const exited = once(child, 'exit')
        const got = await Promise.race([once(child.stdout, 'data').then(() => true), exited.then(() => false)])
        const release = async () => {
          child.stdin.end()
          await exited
        }
        return got ? { release, [Symbol.asyncDispose]: release } : undefined
      }
      const held = await attempt(['-n'])
      if (held !== undefined || !wait) return held
      onWait?.()
      return attempt([])
    },
    [Symbol.asyncDispose]: async () => {},
  }
}
