/** Progress below this in `stallMs` of waiting is a stall, so that a body of one byte a minute does not hold us for ever. */
const MIN_PROGRESS = 1 << 10

export interface Watch {
  readonly stallMs: number
  /** Whose slowness counts: the source's (a body we read), or the reader's (a body the other side takes from us). */
  readonly of: 'source' | 'reader'
  readonly stalled: () => void
  /** Turns what the source throws into what is thrown on. */
  readonly failed?: ((error: unknown) => unknown) | undefined
  readonly ended?: (() => void) | undefined
}

/** Passes `source` on; calls `stalled` (which must abort the source) when the watched side makes no progress. */
export async function* watched(source: AsyncIterable<Uint8Array>, watch: Watch): AsyncGenerator<Uint8Array> {
  let waited = 0
  let progress = 0
  let timer: NodeJS.Timeout | undefined
  let since = 0
  const start = () => {
    since = performance.now()
    timer = setTimeout(watch.stalled, Math.max(0, watch.stallMs - waited))
  }
  const stop = (bytes: number) => {
    clearTimeout(timer)
    waited += performance.now() - since
    progress += bytes
    if (progress < MIN_PROGRESS) return
    waited = 0
    progress = 0
  }
  const iterator = source[Symbol.asyncIterator]()
  let size = 0
  try {
    for (;;) {
      if (watch.of === 'source') start()
      const item = await iterator.next()
      if (watch.of === 'source') stop(item.done === true ? 0 : item.value.length)
      if (item.done === true) return
      size = item.value.length
      if (watch.of === 'reader') start()
      yield item.value
      if (watch.of === 'reader') stop(size)
    }
  } catch (error) {
    throw watch.failed === undefined ? error : watch.failed(error)
  } finally {
    clearTimeout(timer)
    watch.ended?.()
    await iterator.return?.(undefined)
  }
}

export interface LinkedAbort {
  readonly signal: AbortSignal
  abort(reason: unknown): void
  /** To be called when all is done: the outer signal may live much longer. */
  unlink(): void
}

/** A controller of one exchange that also follows `outer`. */
export function linkedAbort(outer: AbortSignal | undefined): LinkedAbort {
  const controller = new AbortController()
  const follow = () => controller.abort(outer?.reason)
  if (outer?.aborted === true) follow()
  else outer?.addEventListener('abort', follow, { once: true })
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    unlink: () => outer?.removeEventListener('abort', follow),
  }
}
