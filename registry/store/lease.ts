import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import type { HeldLock, NativeOps } from '../../native/ops.ts'
import { lockKey } from './lock.ts'
import { writing } from './place.ts'

/** A folder for one run's temporary files: `ingest/run-<n>`, owned by whoever holds the lock `run-<n>`. */
export interface Lease extends AsyncDisposable {
  /** A new path in it. */
  path(): string
}

/**
 * Takes the first number whose lock is free. Holding it proves that whoever used the folder before is dead, so what is in it goes;
 * so do the folders of all other dead runs.
 */
export async function takeLease(root: string, native: NativeOps): Promise<Lease> {
  const [number, lock] = await firstFree(root, native)
  const folder = `${root}/ingest/run-${number}`
  writing(root, folder, () => {
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { mode: 0o700 })
  })
  await removeLeftovers(root, native, number)
  let next = 0
  return {
    path: () => `${folder}/${next++}`,
    async [Symbol.asyncDispose]() {
      rmSync(folder, { recursive: true, force: true })
      await lock.release()
    },
  }
}

async function firstFree(root: string, native: NativeOps): Promise<[number, HeldLock]> {
  for (let number = 0; ; number++) {
    const lock = await lockKey(root, native, `run-${number}`, { wait: false })
    if (lock !== undefined) return [number, lock]
  }
}

async function removeLeftovers(root: string, native: NativeOps, own: number): Promise<void> {
  for (const name of readdirSync(`${root}/ingest`)) {
    if (!/^run-\d+$/.test(name) || name === `run-${own}`) continue
    const lock = await lockKey(root, native, name, { wait: false })
    if (lock === undefined) continue
    rmSync(`${root}/ingest/${name}`, { recursive: true, force: true })
    await lock.release()
  }
}
