import { type SourceRange, TsbuildError } from '../../registry/oci/error.ts'
import type { Platform } from '../../registry/oci/platform.ts'
import { expandWord } from '../dockerfile/expand.ts'
import { globalArgs } from '../dockerfile/global-args.ts'
import type { FromInstruction, Instruction, ParsedDockerfile, RunInstruction } from '../dockerfile/instruction.ts'
import { readMount } from '../dockerfile/mount.ts'
import { wordIn } from '../located.ts'
import { type Draft, type Drafts, draftStages, findBefore, findTarget } from './drafts.ts'
import { findContext, type NamedBase, type NamedContexts } from './named-contexts.ts'
import { stageTriggers, type Triggers } from './triggers.ts'

/** Where files come from: what a stage starts from, or a COPY takes from. An image, or the files of a `--build-context`, is a `NamedBase`. */
export type Base = { readonly kind: 'scratch' } | { readonly kind: 'stage'; readonly index: number } | NamedBase

/** One FROM up to the next; `index` counts all stages of the file from 0. */
export interface Stage {
  readonly index: number
  /** In lower case. */
  readonly name?: string | undefined
  readonly base: Base
  /** `--platform`, expanded, not yet read. */
  readonly platform?: string | undefined
  /** Without the FROM; what the base has ONBUILD comes first. */
  readonly instructions: readonly Instruction[]
  readonly from: FromInstruction
  /** What each `COPY --from` of the stage means, by the flag's value as written; what each `RUN --mount=from=` means, by `mountKey`. */
  readonly sources: ReadonlyMap<string, Base>
  /** Indexes of the stages it needs for its base and its COPY --from, without repeats, ascending. */
  readonly dependencies: readonly number[]
}

export interface PlanOptions {
  /** Stage to build, in any case; the last one when undefined. */
  readonly target?: string | undefined
  /** `--build-arg` values. */
  readonly buildArgs: ReadonlyMap<string, string>
  /** TARGETPLATFORM, BUILDPLATFORM and their parts. TARGETSTAGE is added here. */
  readonly platformArgs: ReadonlyMap<string, string>
  /** Of base images, as far as they are known. */
  readonly triggers?: Triggers | undefined
  /** Also the stages that the target does not need; then it has to be the last stage. */
  readonly allStages?: boolean | undefined
  /** `--build-context`: what replaces stages and images. */
  readonly contexts?: NamedContexts | undefined
}

/** The platform of each stage by its index. */
export type Platforms = ReadonlyMap<number, Platform>

/**
 * The stages that the target needs, it last, each after those it depends on; the others are not looked into. Expects what `checkDockerfile` returned.
 * Throws DOCKERFILE_STAGE for an unknown target and a COPY --from that cannot be, DOCKERFILE_VARIABLE from expansion.
 */
export function planStages(parsed: ParsedDockerfile, options: PlanOptions): Stage[] {
  const drafts = draftStages(parsed.instructions)
  const globals = stageGlobals(parsed, options)
  const stages = new Map<number, Stage>()
  const target = findTarget(drafts, options.target)
  const wanted = new Set(options.allStages ? drafts.all.keys() : [target.index])
  // A stage can only need earlier ones, so going down by number meets each one once, after all that need it.
  for (let index = target.index; index >= 0; index--) {
    const draft = drafts.all[index]
    if (draft === undefined || !wanted.has(index)) continue
    const stage = resolveStage(draft, drafts, { globals, escape: parsed.directives.escape, options })
    stages.set(index, stage)
    for (const dependency of stage.dependencies) wanted.add(dependency)
  }
  return [...stages.values()].reverse()
}

/** What FROM lines see and `Scope` takes as `globals`: `globalArgs` with TARGETSTAGE, the target's name or `default`. */
export function stageGlobals(parsed: ParsedDockerfile, { target, buildArgs, platformArgs }: PlanOptions): Map<string, string> {
  const name = findTarget(draftStages(parsed.instructions), target).from.stageName ?? 'default'
  return globalArgs(parsed, buildArgs, new Map([...platformArgs, ['TARGETSTAGE', name]]))
}

interface Surroundings {
  readonly globals: ReadonlyMap<string, string>
  readonly escape: string
  readonly options: PlanOptions
}

function resolveStage(draft: Draft, drafts: Drafts, around: Surroundings): Stage {
  const { index, from } = draft
  const { contexts, platformArgs, triggers: known } = around.options
  const platform = platformOf(from, around)
  const named = (name: string) => findContext(contexts, name, platform ?? platformArgs.get('TARGETPLATFORM') ?? '')
  const whole = from.stageName === undefined ? undefined : named(from.stageName)
  if (whole !== undefined)
    return { index, name: from.stageName, base: whole, platform, instructions: [], from, sources: new Map(), dependencies: [] }
  const base = resolveBase(draft, drafts, around, named)
  const triggers = base.kind === 'stage' ? stageTriggers(drafts.all[base.index]?.instructions ?? []) : (known?.get(index) ?? [])
  const instructions = [...triggers, ...draft.instructions]
  const sources = new Map<string, Base>()
  for (const instruction of instructions) {
    if (instruction.kind === 'copy' && instruction.from !== undefined)
      sources.set(instruction.from, resolveSource(instruction.from, draft, { drafts, at: flagRange(instruction, 'from'), named }))
    if (instruction.kind === 'run')
      for (const { name, at } of mountSources(instruction))
        sources.set(mountKey(name), resolveSource(name, draft, { drafts, at, named, isMount: true }))
  }
  const needed = [base, ...sources.values()].flatMap((one) => (one.kind === 'stage' ? [one.index] : []))
  const dependencies = [...new Set(needed)].sort((a, b) => a - b)
  return { index, name: from.stageName, base, platform, instructions, from, sources, dependencies }
}

type FindNamed = (name: string) => NamedBase | undefined

/** An earlier stage of exactly that (lower case) name, the nearest one; `scratch`; a named context; else an image. */
function resolveBase({ index, from }: Draft, drafts: Drafts, { globals, escape: escapeChar }: Surroundings, named: FindNamed): Base {
  const at = wordIn(from.at, from.image)
  const { text } = expandWord(from.image, { env: globals, escape: escapeChar, at })
  if (text === '')
    throw new TsbuildError('DOCKERFILE_STAGE', `base name (${from.image}) should not be blank`, {
      at,
      hint: 'only ARGs before the first FROM can be used here; give it a default, or use --build-arg',
    })
  const stage = findBefore(drafts, text, index)
  if (stage === undefined) return text === 'scratch' ? { kind: 'scratch' } : (named(text) ?? { kind: 'image', reference: text })
  return { kind: 'stage', index: stage.index }
}

function platformOf(from: FromInstruction, { globals, escape: escapeChar }: Surroundings): string | undefined {
  if (from.platform === undefined) return undefined
  const at = flagRange(from, 'platform')
  const { text } = expandWord(from.platform, { env: globals, escape: escapeChar, at })
  if (text !== '') return text
  throw new TsbuildError('DOCKERFILE_STAGE', `empty platform value from expression ${from.platform}`, {
    at,
    hint: 'write --platform=linux/amd64',
  })
}

/** In a stage's `sources`: `RUN --mount=from=0` is not what `COPY --from=0` is. */
export function mountKey(from: string): string {
  return `--mount ${from}`
}

/** What the mounts of a RUN are from, as written. */
export function mountSources(run: RunInstruction): { name: string; at: SourceRange }[] {
  const flags = run.flags.filter(({ name }) => name === 'mount')
  return flags.flatMap(({ value = '', at }) => {
    const { from } = readMount(value, at)
    return from === undefined ? [] : [{ name: from, at }]
  })
}

interface SourceOptions {
  readonly drafts: Drafts
  readonly at: SourceRange
  readonly named: FindNamed
  /** A number is the name of an image, as in BuildKit. */
  readonly isMount?: boolean
}

/** COPY --from: an earlier stage by name (any case) or by number, a named context, else an image. */
function resolveSource(source: string, draft: Draft, { drafts, at, named, isMount = false }: SourceOptions): Base {
  const name = source.toLowerCase()
  const isNumber = !isMount && /^\d+$/.test(source)
  const stage = isNumber ? drafts.all[Number(source)] : (findBefore(drafts, name, draft.index) ?? drafts.byName.get(name)?.[0])
  if (stage !== undefined && stage.index < draft.index) return { kind: 'stage', index: stage.index }
  if (stage === draft)
    throw new TsbuildError('DOCKERFILE_STAGE', `circular dependency detected on stage: ${source}`, {
      at,
      hint: 'a stage cannot copy from itself',
    })
  if (stage !== undefined) {
    const own = draft.from.stageName ?? String(draft.index)
    const message = `cannot copy from stage ${JSON.stringify(source)}, it needs to be defined before current stage ${JSON.stringify(own)}`
    throw new TsbuildError('DOCKERFILE_STAGE', message, { at, hint: 'move that stage up' })
  }
  if (isNumber)
    throw new TsbuildError('DOCKERFILE_STAGE', `invalid from flag value ${source}: there is no such stage`, {
      at,
      hint: `stages count from 0 to ${drafts.all.length - 1}`,
    })
  const found = named(source)
  if (name === 'scratch' || found?.kind === 'scratch')
    throw new TsbuildError('DOCKERFILE_STAGE', `nothing can be ${isMount ? 'mounted' : 'copied'} from scratch`, {
      at,
      hint: 'name a stage or an image',
    })
  return found ?? { kind: 'image', reference: source }
}

/** Where a flag of an instruction stands; the instruction where it has none. */
export function flagRange(instruction: Instruction, name: string): SourceRange {
  return instruction.flags.find((flag) => flag.name === name)?.at ?? instruction.at
}
