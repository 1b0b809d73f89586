import { type SourceRange, TsbuildError } from '../registry/oci/error.ts'
import type { BuildDeps } from './deps.ts'
import type { Instruction, ParsedDockerfile } from './dockerfile/instruction.ts'
import { Scope } from './dockerfile/scope.ts'
import { remoteSource } from './dockerfile/sources.ts'
import { draftStages } from './plan/drafts.ts'
import { contextName, type NamedContexts } from './plan/named-contexts.ts'
import { readGitUrl } from './sources/git-url.ts'
import type { SourceTree } from './sources/tree.ts'

export const EPOCH = 'SOURCE_DATE_EPOCH'

/** Where a date may come from besides a number. */
export interface EpochSources {
  readonly context: SourceTree
  readonly contexts: NamedContexts | undefined
  readonly openContext: (name: string) => Promise<SourceTree>
  readonly deps: BuildDeps
  readonly signal: AbortSignal
}

export interface EpochInput {
  readonly parsed: ParsedDockerfile
  /** Arguments that FROM sees, the build's own included. */
  readonly globals: ReadonlyMap<string, string>
  readonly buildArgs: ReadonlyMap<string, string>
}

/**
 * SOURCE_DATE_EPOCH in whole seconds: of --build-arg or the environment, else the default of the ARG before the first FROM; empty is none. `context`, a named
 * context, or a stage that holds nothing but one remote ADD stand for the time of what is there: of a commit, Last-Modified, or the newest file of an archive; a
 * folder has none. Throws USAGE or, where the Dockerfile says it, DOCKERFILE_VARIABLE. Without `sources` only numbers are read.
 */
export async function resolveEpoch(input: EpochInput, sources: EpochSources | undefined): Promise<number | undefined> {
  const at = input.buildArgs.has(EPOCH) ? undefined : declaredAt(input.parsed)
  const text = input.buildArgs.get(EPOCH) ?? (at === undefined ? undefined : input.globals.get(EPOCH))
  if (text === undefined || text === '') return undefined
  if (/^\d{1,12}$/.test(text)) return Number(text)
  if (sources === undefined) return undefined
  const named = await timeOf(text, input, sources, at)
  if (named !== 'unknown') return named
  throw new TsbuildError(at === undefined ? 'USAGE' : 'DOCKERFILE_VARIABLE', `invalid ${EPOCH}: ${text}`, {
    at,
    hint: 'whole seconds since 1970, or "context", or the name of a build context or of a stage FROM scratch with one ADD of a URL',
  })
}

/** The ARG before the first FROM that declares it. */
function declaredAt({ instructions }: ParsedDockerfile): SourceRange | undefined {
  const first = instructions.findIndex(({ kind }) => kind === 'from')
  return instructions.slice(0, first).find((one) => one.kind === 'arg' && one.args.some(({ key }) => key === EPOCH))?.at
}

async function timeOf(
  name: string,
  input: EpochInput,
  sources: EpochSources,
  at: SourceRange | undefined,
): Promise<number | undefined | 'unknown'> {
  if (name === 'context') return sources.context.made?.()
  if (sources.contexts?.get(nameOf(name))?.kind === 'tree') return (await sources.openContext(nameOf(name))).made?.()
  const stage = draftStages(input.parsed.instructions).byName.get(name.toLowerCase())?.at(-1)
  if (stage === undefined) return 'unknown'
  const add = onlyRemote(stage.instructions)
  if (stage.from.image !== 'scratch' || add === undefined)
    throw new TsbuildError('DOCKERFILE_VARIABLE', `invalid ${EPOCH}: the stage ${name} has no time`, {
      at: at ?? stage.from.at,
      hint: 'it has to be FROM scratch, with ARGs and exactly one ADD of one URL or repository',
    })
  return timeOfAdd(stage.instructions, add, input, sources)
}

function nameOf(text: string): string {
  try {
    return contextName(text)
  } catch {
    return text // no name that a context can have
  }
}

type Add = Extract<Instruction, { kind: 'add' }>

function onlyRemote(instructions: readonly Instruction[]): Add | undefined {
  const [add, ...more] = instructions.filter(({ kind }) => kind !== 'arg')
  return add?.kind === 'add' && more.length === 0 && add.sources.length === 1 && add.heredocs.length === 0 ? add : undefined
}

async function timeOfAdd(instructions: readonly Instruction[], add: Add, input: EpochInput, { deps, signal }: EpochSources) {
  const { globals, buildArgs, parsed } = input
  const scope = new Scope([], { globals, buildArgs, escape: parsed.directives.escape })
  for (const one of instructions) if (one.kind === 'arg') scope.declareArgs(one)
  const url = scope.expandWord(add.sources[0] ?? '', add.at)
  const checksum = add.checksum === undefined ? undefined : scope.expandWord(add.checksum, add.at)
  switch (remoteSource(url, add.keepGitDir)) {
    case 'http': {
      const { httpTree } = await import('./sources/context.ts')
      return (await httpTree(url, { label: EPOCH, signal, checksum }, deps)).made?.()
    }
    case 'git': {
      const options = { step: EPOCH, checksum, signal, label: url, keepGitDir: add.keepGitDir }
      return (await (await deps.remotes()).git(readGitUrl(url), options)).tree.made()
    }
    case undefined:
      throw new TsbuildError('DOCKERFILE_VARIABLE', `invalid ${EPOCH}: ${url} is no URL and no repository`, { at: add.at })
  }
}
