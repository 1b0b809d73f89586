import type { SourceRange } from '../../registry/oci/error.ts'
import { expandWord } from '../dockerfile/expand.ts'
import type { ArgInstruction, ParsedDockerfile } from '../dockerfile/instruction.ts'
import { Scope } from '../dockerfile/scope.ts'
import { type PlanOptions, planStages, type Stage, stageGlobals } from '../plan/stages.ts'
import { type MountUse, mountUses } from './mounts.ts'
import { descriptionOf } from './rules/names.ts'
import { stageDescription } from './targets.ts'

/** What can be given to a build of one target. */
export interface Outline {
  readonly name: string | undefined
  readonly description: string | undefined
  readonly args: readonly OutlineArg[]
  /** Each id once, at its first use. */
  readonly mounts: readonly MountUse[]
}

export interface OutlineArg {
  readonly name: string
  /** With --build-arg and defaults; undefined when there is none. */
  readonly value: string | undefined
  readonly description: string | undefined
  readonly at: SourceRange
}

type Definitions = ReadonlyMap<string, OutlineArg>

interface StageArgs {
  readonly scope: Scope
  readonly definitions: Definitions
  /** Names that FROM or ARG of the stage itself use. */
  readonly used: ReadonlySet<string>
  readonly mounts: readonly MountUse[]
}

/**
 * Arguments that the target's stages use, directly or in the default of another, and what their RUNs mount; by line. Base images are not looked into: a
 * default that uses a variable of one is shown without it. Throws DOCKERFILE_STAGE, DOCKERFILE_VARIABLE.
 */
export function outlineOf(parsed: ParsedDockerfile, options: PlanOptions): Outline {
  const stages = planStages(parsed, options)
  const globals = globalDefinitions(parsed, options)
  const done = new Map<number, StageArgs>()
  for (const stage of stages) done.set(stage.index, stageArgs(stage, { parsed, options, globals, done }))
  const target = stages.at(-1)
  const args = new Map<string, OutlineArg>()
  // The target's own definition of a name goes before that of a stage it needs.
  for (const stage of [...stages].reverse()) {
    const { used, definitions } = done.get(stage.index) ?? { used: [], definitions: globals.definitions }
    for (const name of withDependencies(used, globals.dependencies)) {
      const definition = definitions.get(name)
      if (definition !== undefined && !args.has(name)) args.set(name, definition)
    }
  }
  return {
    name: target?.name,
    description: target && stageDescription(target.from),
    args: [...args.values()].sort((a, b) => a.at.startLine - b.at.startLine),
    mounts: firstUses([...done.values()].flatMap(({ mounts }) => mounts)),
  }
}

interface Globals {
  readonly values: ReadonlyMap<string, string>
  readonly definitions: Definitions
  /** Names that the default of a global argument uses. */
  readonly dependencies: ReadonlyMap<string, ReadonlySet<string>>
}

function globalDefinitions(parsed: ParsedDockerfile, options: PlanOptions): Globals {
  const values = stageGlobals(parsed, options)
  const definitions = new Map<string, OutlineArg>()
  const dependencies = new Map<string, ReadonlySet<string>>()
  for (const instruction of parsed.instructions) {
    if (instruction.kind !== 'arg') break
    for (const { key, value } of instruction.args) {
      definitions.set(key, argOf(key, values.get(key), instruction))
      if (value === undefined || options.buildArgs.has(key)) continue
      dependencies.set(key, usedIn(value, values, parsed, instruction.at))
    }
  }
  return { values, definitions, dependencies }
}

function argOf(name: string, value: string | undefined, { at, comments }: ArgInstruction): OutlineArg {
  return { name, value, description: descriptionOf(name, comments), at }
}

function usedIn(word: string, env: ReadonlyMap<string, string>, { directives }: ParsedDockerfile, at: SourceRange): ReadonlySet<string> {
  return expandWord(word, { env, escape: directives.escape, at }).used
}

function stageArgs(
  { base, from, instructions }: Stage,
  {
    parsed,
    options,
    globals,
    done,
  }: { parsed: ParsedDockerfile; options: PlanOptions; globals: Globals; done: ReadonlyMap<number, StageArgs> },
): StageArgs {
  const { buildArgs } = options
  const below = base.kind === 'stage' ? done.get(base.index) : undefined
  const scope = below?.scope.fork() ?? new Scope([], { globals: globals.values, buildArgs, escape: parsed.directives.escape })
  const definitions = new Map(below?.definitions ?? globals.definitions)
  const mounts: MountUse[] = []
  const used = new Set([from.image, from.platform ?? ''].flatMap((word) => [...usedIn(word, globals.values, parsed, from.at)]))
  for (const instruction of instructions) {
    if (instruction.kind === 'env') scope.setEnv(instruction)
    if (instruction.kind === 'run') mounts.push(...mountUses(instruction, (value, at) => scope.expandWord(value, at)))
    if (instruction.kind !== 'arg') continue
    const values = scope.declareArgs(instruction)
    for (const [index, { key, value }] of instruction.args.entries()) {
      used.add(key)
      // One that repeats a global argument is defined, and described, there; an automatic one nowhere.
      const isRepeated = value === undefined && (globals.definitions.has(key) || (globals.values.has(key) && !buildArgs.has(key)))
      if (!isRepeated) definitions.set(key, argOf(key, values[index]?.value, instruction))
    }
  }
  return { scope, definitions, used, mounts }
}

function withDependencies(names: Iterable<string>, dependencies: Globals['dependencies']): Set<string> {
  const all = new Set(names)
  // A set also gives what is added while it is walked.
  for (const name of all) for (const dependency of dependencies.get(name) ?? []) all.add(dependency)
  return all
}

function firstUses(mounts: readonly MountUse[]): MountUse[] {
  const first = new Map<string, MountUse>()
  for (const mount of [...mounts].sort((a, b) => a.at.startLine - b.at.startLine)) {
    const key = `${mount.kind} ${mount.id}`
    const known = first.get(key)
    if (known === undefined) first.set(key, mount)
    else if (mount.required && !known.required) first.set(key, { ...known, required: true })
  }
  return [...first.values()]
}
