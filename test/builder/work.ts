import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

/**
 * Counts how often functions and blocks of builder/ are entered: a measure of work that is the same on any machine. What loops inside of the engine
 * (regular expressions, indexOf, slice) is not seen.
 */
export class WorkCounter implements AsyncDisposable {
  readonly #worker = new Worker(new URL('./work-worker.js', import.meta.url))

  async of(job: 'parse' | 'expand', text: string): Promise<number> {
    this.#worker.postMessage({ job, text })
    const [count] = (await once(this.#worker, 'message')) as [number]
    return count
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate()
  }
}
