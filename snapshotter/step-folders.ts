import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { HeldLock } from '../native/ops.ts'
import { bytesOfText } from '../native/wire.ts'
import { isErrno } from '../registry/oci/error.ts'
import type { SnapshotterDeps } from './deps.ts'

const LOCK_SUFFIX = '.lock'

type FolderDeps = Pick<SnapshotterDeps, 'helper' | 'ops' | 'newId'>

/** A folder `steps/<id>` of ours, with the lock `steps/<id>.lock` beside it that is held as long as it is in use. */
export interface StepFolder {
  readonly path: string
  /** Publishes the folder under another name; false when there is something already. Its lock is given back. */
  moveTo(target: string): Promise<boolean>
  /** Removes the folder and its lock. */
  remove(): Promise<void>
}

/**
 * Folders for trees under construction, or on their way out. The lock is older than its folder and outlives it, and the kernel drops it when its
 * owner dies: so a folder whose lock is free belongs to nobody.
 */
export class StepFolders {
  readonly #root: string
  readonly #deps: FolderDeps

  constructor(root: string, deps: FolderDeps) {
    this.#root = root
    this.#deps = deps
  }

  async create(): Promise<StepFolder> {
    await mkdir(this.#root, { recursive: true, mode: 0o700 })
    for (;;) {
      const path = join(this.#root, this.#deps.newId())
      const lock = await this.#lock(path)
      if (lock === undefined) continue
      // A clean-up that saw our lock file before it was locked has removed it: then it protects nothing, and another name is tried.
      if (!(await exists(path + LOCK_SUFFIX))) {
        await lock.release()
        continue
      }
      await mkdir(path, { mode: 0o700 })
      return this.#folder(path, lock)
    }
  }

  /**
   * Takes folders out of their places, each at once, and removes them; one that is not there is fine. Whoever is killed meanwhile leaves whole folders, and
   * the rest to `recover`.
   */
  async discard(paths: readonly string[]): Promise<void> {
    const folder = await this.create()
    try {
      for (const [index, path] of paths.entries()) await moveIfThere(path, join(folder.path, `discarded-${index}`))
    } finally {
      await folder.remove()
    }
  }

  /** Removes what dead processes left. Resolves to the number of folders removed. */
  async recover(): Promise<number> {
    let removed = 0
    for (const id of await this.#ids()) {
      const path = join(this.#root, id)
      const lock = await this.#lock(path)
      if (lock === undefined) continue
      if (await exists(path)) removed += 1
      await this.#folder(path, lock).remove()
    }
    return removed
  }

  async #ids(): Promise<Set<string>> {
    try {
      const names = await readdir(this.#root)
      return new Set(names.map((name) => (name.endsWith(LOCK_SUFFIX) ? name.slice(0, -LOCK_SUFFIX.length) : name)))
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return new Set()
      throw error
    }
  }

  #lock(path: string): Promise<HeldLock | undefined> {
    return this.#deps.ops.lock({ path: bytesOfText(path + LOCK_SUFFIX), mode: 'exclusive' }, { wait: false })
  }

  #folder(path: string, lock: HeldLock): StepFolder {
    const release = async () => {
      await rm(path + LOCK_SUFFIX, { force: true })
      await lock.release()
    }
    return {
      path,
      moveTo: async (target) => {
        const moved = await moveUnlessThere(path, target)
        if (moved) await release()
        return moved
      },
      remove: async () => {
        try {
          if (!(await exists(path))) return
          const helper = await this.#deps.helper()
          await helper.remove([bytesOfText(path)])
        } finally {
          await release()
        }
      },
    }
  }
}

/** rename(2) of a folder onto one that is not empty is refused by the kernel, so the first wins. */
async function moveUnlessThere(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to)
    return true
  } catch (error) {
    if (isErrno(error, 'ENOTEMPTY') || isErrno(error, 'EEXIST')) return false
    throw error
  }
}

async function moveIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to)
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false
    throw error
  }
}
