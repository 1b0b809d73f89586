import type { Fact, Stacking } from '../native/requests.ts'

/** How steps are kept apart here, in words. */
export interface Isolation {
  readonly stacking: Stacking
  /** `isolation: user namespace, 65537 user ids, overlay`, with the reason where it is less than it could be. */
  readonly line: string
}

/** From the facts of the helper's probe. */
export function isolationOf(facts: readonly Fact[]): Isolation {
  const fact = (name: string) => facts.find((item) => item.name === name)
  const overlay = fact('overlay')
  const stacking = overlay?.ok === true ? 'overlay' : 'copy'
  const view = fact('user namespace')?.ok === true ? 'user namespace' : `no user namespace (${fact('user namespace')?.detail ?? 'unknown'})`
  const files = stacking === 'overlay' ? 'overlay' : `whole copies of trees (${overlay?.detail ?? 'no overlay'})`
  const ids = fact('ids')
  return { stacking, line: `isolation: ${view}; ids ${ids?.detail ?? 'unknown'}; files ${files}` }
}
