/** A step in time. */
export interface Span {
  readonly id: string
  readonly inputs: readonly string[]
  /** Milliseconds. */
  readonly started: number
  readonly ended: number
}

/**
 * The steps that `last` waited for, the first of them first, and `last`: before each stands that of its inputs that ended last, and before one without
 * inputs the step that ended last before it began (a base that was pulled, a step whose job slot it took). What is not among them may take longer, and
 * the build ends no later.
 */
export function criticalPath<S extends Span>(steps: readonly S[], last = latest(steps)): S[] {
  const byId = new Map(steps.map((step) => [step.id, step]))
  const path = new Set<S>() // a clock that jumps must not lead in a circle
  for (let step = last; step !== undefined && !path.has(step); step = waitedFor(step, byId)) path.add(step)
  return [...path].reverse()
}

function waitedFor<S extends Span>(step: S, byId: ReadonlyMap<string, S>): S | undefined {
  const inputs = step.inputs.flatMap((id) => byId.get(id) ?? [])
  return latest(inputs.length > 0 ? inputs : [...byId.values()].filter(({ id, ended }) => id !== step.id && ended <= step.started))
}

/** Of steps that end together the one that began last. */
function latest<S extends Span>(steps: readonly S[]): S | undefined {
  return steps.reduce<S | undefined>((best, step) => (best === undefined || isLater(step, best) ? step : best), undefined)
}

function isLater(a: Span, b: Span): boolean {
  return a.ended > b.ended || (a.ended === b.ended && a.started >= b.started)
}
