import type { Digest } from '../../registry/oci/digest.ts'
import type { Emit } from '../../registry/oci/event.ts'
import type { SharedStep } from './format.ts'

/** A step that others have done. */
export interface ImportedStep extends SharedStep {
  /** Sees to it that its layer can be had: it is in the store, or it is known which registry has it. */
  claim(): Promise<void>
}

/** By key. */
export interface ImportedSteps {
  find(key: Digest): ImportedStep | undefined
  all(): readonly ImportedStep[]
}

/** One `--cache-from`. */
export interface CacheSource {
  /** As the user wrote it, for messages. */
  readonly label: string
  /** The steps it has now; none where it is not there yet. Throws what stands in the way of reading it. */
  read(signal: AbortSignal): Promise<readonly ImportedStep[]>
}

/** Reads all sources at once. One that fails is warned of, and the build goes on without it: a cache is never needed. */
export async function importSteps(sources: readonly CacheSource[], emit: Emit, signal: AbortSignal): Promise<ImportedSteps> {
  const steps = new Map<Digest, ImportedStep>()
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
        return []
      }
    }),
  )
  for (const step of found.flat()) if (!steps.has(step.key)) steps.set(step.key, step)
  return { find: (key) => steps.get(key), all: () => [...steps.values()] }
}
