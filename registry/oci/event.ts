import type { SourceRange } from './error.ts'

/**
 * Why a step was done and not taken from the cache: the first part of its key that is not as it was when it, or the step nearest to it, was last done.
 * `forced` is --no-cache, `pruned` a result that is gone, `parent` another result of the step before, `base` another image. `name` is the path of a file, the
 * name of a variable, argument or mount, the title of a step, a reference; `was` and `is` are digests or short texts, undefined where there was or is none.
 */
export interface MissCause {
  readonly part: MissPart
  readonly name?: string | undefined
  readonly was?: string | undefined
  readonly is?: string | undefined
  /** Further files that changed. */
  readonly more?: number | undefined
}

export type MissPart =
  | 'never-seen'
  | 'forced'
  | 'pruned'
  | 'instruction'
  | 'file'
  | 'argument'
  | 'variable'
  | 'mount'
  | 'option'
  | 'parent'
  | 'base'
  | 'platform'

/** One thing that happened, for whoever shows it. `step` ties events of one step or transfer together. Times are milliseconds since the epoch. */
export type ProgressEvent =
  /** `inputs`: the steps whose results it needs. */
  | {
      readonly kind: 'started'
      readonly step: string
      readonly name: string
      readonly time: number
      readonly inputs?: readonly string[] | undefined
    }
  | {
      readonly kind: 'finished'
      readonly step: string
      readonly status: 'done' | 'cached' | 'failed' | 'canceled'
      readonly time: number
      /** One line: why it failed. */
      readonly detail?: string | undefined
      /** What the step made or found: its own layer, compressed. */
      readonly layer?: { readonly digest: string; readonly size: number } | undefined
    }
  /** The step is not in the cache, and is being done. */
  | { readonly kind: 'missed'; readonly step: string; readonly cause: MissCause }
  | { readonly kind: 'log'; readonly step: string; readonly stream: 'stdout' | 'stderr'; readonly bytes: Uint8Array }
  /** Bytes moved so far for one blob of a step; `total` undefined when unknown. */
  | {
      readonly kind: 'transfer'
      readonly step: string
      readonly id: string
      readonly current: number
      readonly total?: number | undefined
      readonly note?: string
    }
  /** `page`: it is about the Dockerfile, and this page of the documentation explains it. */
  | {
      readonly kind: 'warning'
      readonly code: string
      readonly message: string
      readonly hint?: string
      readonly at?: SourceRange
      readonly page?: string
    }
  | { readonly kind: 'note'; readonly message: string }

/** Where events go. Never throws, never waits. */
export type Emit = (event: ProgressEvent) => void

/** Does `work` as one step of the progress: started, then done, or failed with the first line of the error. */
export async function asStep<T>(
  step: { readonly id: string; readonly name: string; readonly emit: Emit; readonly now: () => number },
  work: () => Promise<T>,
): Promise<T> {
  const { id, name, emit, now } = step
  emit({ kind: 'started', step: id, name, time: now() })
  try {
    const result = await work()
    emit({ kind: 'finished', step: id, status: 'done', time: now() })
    return result
  } catch (error) {
    emit({ kind: 'finished', step: id, status: 'failed', time: now(), detail: error instanceof Error ? error.message : String(error) })
    throw error
  }
}
