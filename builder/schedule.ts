/** One piece of work in a graph; `inputs` are the ids of what must be done before it. */
export interface Node {
  readonly id: number
  readonly inputs: readonly number[]
}

/** Gives back a job slot while its holder only waits for somebody else, and takes one again after. */
export interface Slot {
  yielding<T>(wait: () => Promise<T>): Promise<T>
}

export interface ScheduleOptions {
  /** How many nodes may be at work at once, 1 or more. */
  readonly jobs: number
  readonly signal: AbortSignal
}

/**
 * Runs every node once its inputs are done, in order of id where there is a choice, and resolves to the results by id. The first failure aborts the
 * signal that all running nodes got, waits until they have ended, and is thrown. Nodes that had not begun never do.
 */
export async function schedule<N extends Node, R>(
  nodes: readonly N[],
  work: (node: N, inputs: readonly R[], context: { readonly signal: AbortSignal; readonly slot: Slot }) => Promise<R>,
  options: ScheduleOptions,
): Promise<ReadonlyMap<number, R>> {
  const abort = new AbortController()
  const signal = AbortSignal.any([options.signal, abort.signal])
  const slots = new Slots(options.jobs)
  const results = new Map<number, R>()
  const started = new Map<number, Promise<void>>()

  const start = (node: N): Promise<void> => {
    const running = started.get(node.id)
    if (running !== undefined) return running
    const promise = run(node)
    started.set(node.id, promise)
    return promise
  }
  const run = async (node: N): Promise<void> => {
    await Promise.all(node.inputs.map((id) => started.get(id)))
    await slots.take()
    try {
      signal.throwIfAborted()
      const inputs = node.inputs.map((id) => results.get(id) as R)
      results.set(node.id, await work(node, inputs, { signal, slot: slots }))
    } catch (error) {
      abort.abort(error)
      throw error
    } finally {
      slots.give()
    }
  }
  const outcomes = await Promise.allSettled(inOrder(nodes).map(start))
  if (outcomes.some((outcome) => outcome.status === 'rejected')) throw options.signal.aborted ? options.signal.reason : abort.signal.reason
  return results
}

/** Inputs come before those who need them; throws a plain Error on a cycle, which the planner must not make. */
function inOrder<N extends Node>(nodes: readonly N[]): N[] {
  const sorted = [...nodes].sort((a, b) => a.id - b.id)
  const known = new Set<number>()
  for (const node of sorted) {
    if (node.inputs.some((id) => !known.has(id))) throw new Error(`operation ${node.id} needs one that does not come before it`)
    known.add(node.id)
  }
  return sorted
}

/** A counting semaphore, first come, first served. */
class Slots implements Slot {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(count: number) {
    this.#free = count
  }

  async take(): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1
      return
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  give(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free += 1
    else next()
  }

  async yielding<T>(wait: () => Promise<T>): Promise<T> {
    this.give()
    try {
      return await wait()
    } finally {
      await this.take()
    }
  }
}
