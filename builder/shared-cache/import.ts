import type { Digest } from '../../registry/oci/digest.ts'
import type { Emit } from '../../registry/oci/event.ts'
import type { SharedStep } from './format.ts'
import type { SharedMount } from './mounts.ts'

/** Sees to it that layers can be had: they are in the store, or it is known which registry has them. */
export interface Claim {
  claim(): Promise<void>
}
export type ImportedStep = SharedStep & Claim
export type ImportedMount = SharedMount & Claim

/** What one source has. */
export interface Imported {
  readonly steps: readonly ImportedStep[]
  readonly mounts: readonly ImportedMount[]
}

/** What all sources have. */
export interface ImportedCache {
  find(key: Digest): ImportedStep | undefined
  steps(): readonly ImportedStep[]
  /** By `cacheName`; the newest of several. */
  mount(name: string): ImportedMount | undefined
}

/** One `--cache-from`. */
export interface CacheSource {
  /** As the user wrote it, for messages. */
  readonly label: string
  /** What it has now; nothing where it is not there yet. Throws what stands in the way of reading it. */
  read(signal: AbortSignal): Promise<Imported>
}

export const NOTHING: Imported = { steps: [], mounts: [] }

/** Reads all sources at once. One that fails is warned of, and the build goes on without it: a cache is never needed. */
export async function importCaches(sources: readonly CacheSource[], emit: Emit, signal: AbortSignal): Promise<ImportedCache> {
  const steps = new Map<Digest, ImportedStep>()
  const mounts = new Map<string, ImportedMount>()
  const found = await Promise.all(
    sources.map(async (source) => {
      try {
        return await source.read(signal)
      } catch (error) {
        signal.throwIfAborted()
        if (!(error instanceof Error)) throw error
        emit({
          kind: 'warning',
          code: 'CacheImport',
          message: `${source.label}: ${error.message}`,
        })
        return NOTHING
      }
    }),
  )
  for (const step of found.flatMap((one) => one.steps)) if (!steps.has(step.key)) steps.set(step.key, step)
  for (const mount of found.flatMap((one) => one.mounts)) {
    const known = mounts.get(mount.name)
    if (known === undefined || known.saved < mount.saved) mounts.set(mount.name, mount)
  }
  return { find: (key) => steps.get(key), steps: () => [...steps.values()], mount: (name) => mounts.get(name) }
}
