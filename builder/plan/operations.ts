import type { Operation } from './graph.ts'

/** The operations of one or more plans, in the order of their ids. */
export class Operations {
  readonly list: Operation[] = []
  /** Ids by what is done, of earlier plans. */
  #known: ReadonlyMap<string, number> | undefined

  /** The operation's id, or that of the same one in a plan before: another platform's, which this step does not depend on. */
  add(operation: Operation): number {
    const known = this.#known?.get(identityOf(operation))
    if (known !== undefined) return known
    this.list.push(operation)
    return operation.id
  }

  /** To be called between two plans: what comes now may be there already. */
  nextPlan(): void {
    this.#known = new Map(this.list.map((operation) => [identityOf(operation), operation.id]))
  }
}

/** All that makes an operation what it is: the same instruction, over the same inputs, with the same values. Its name may tell another target. */
function identityOf(operation: Operation): string {
  return JSON.stringify({ ...operation, id: undefined, name: undefined }, (key, value: unknown) =>
    key === 'image' ? imageOf(value) : value instanceof Set ? [...value] : value,
  )
}

/** A platform is in the operation; the reference is not, since it may be spelled in more than one way. */
function imageOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'manifest' in value ? value.manifest : value
}
