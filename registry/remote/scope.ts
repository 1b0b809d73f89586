/** `repository:NAME:ACTIONS`, what a token allows. docs.docker.com/registry/spec/auth/scope. */
export type Scope = `repository:${string}:${string}`

export function pullScope(repository: string): Scope {
  return `repository:${repository}:pull`
}

export function pushScope(repository: string): Scope {
  return `repository:${repository}:pull,push`
}

/** Does a token for `granted` also do for `wanted`? */
export function covers(granted: readonly Scope[], wanted: readonly Scope[]): boolean {
  return wanted.every((want) =>
    granted.some((have) => resourceOf(have) === resourceOf(want) && actionsOf(want).every((action) => actionsOf(have).includes(action))),
  )
}

/** Scopes with the actions of one repository put together, in a fixed order. */
export function union(scopes: readonly Scope[]): Scope[] {
  const actions = new Map<string, Set<string>>()
  for (const scope of scopes) {
    const of = actions.get(resourceOf(scope)) ?? new Set()
    for (const action of actionsOf(scope)) of.add(action)
    actions.set(resourceOf(scope), of)
  }
  return [...actions]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([resource, of]) => `repository:${resource}:${[...of].sort().join(',')}` as const)
}

export function resourceOf(scope: Scope): string {
  return scope.slice('repository:'.length, scope.lastIndexOf(':'))
}

function actionsOf(scope: Scope): string[] {
  return scope.slice(scope.lastIndexOf(':') + 1).split(',')
}
