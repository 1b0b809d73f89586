import type { Span } from './critical-path.ts'

/** Steps in lanes: those of a lane one after the other, in order. `first` is put into lanes before the others, so that the first lane is its own. */
export function lanesOf<S extends Pick<Span, 'started' | 'ended'>>(steps: readonly S[], first: readonly S[]): S[][] {
  const others = steps.filter((step) => !first.includes(step))
  const lanes: S[][] = []
  for (const step of [...first, ...others]) {
    const lane = lanes.find((taken) => taken.every((other) => other.ended <= step.started || step.ended <= other.started))
    if (lane === undefined) lanes.push([step])
    else lane.push(step)
  }
  for (const lane of lanes) lane.sort((a, b) => a.started - b.started || a.ended - b.ended)
  return lanes
}
