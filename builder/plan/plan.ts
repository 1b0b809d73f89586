import type { ImageConfig, RunConfig } from '../../registry/oci/config.ts'
import type { Platform } from '../../registry/oci/platform.ts'
import { PlanChecks } from '../check/plan-checks.ts'
import type { Finding } from '../check/rule.ts'
import type { BaseImage } from '../deps.ts'
import { cleanPath } from '../dockerfile/clean-path.ts'
import { proxyEnvironment } from '../dockerfile/global-args.ts'
import type { IgnoreMatcher } from '../dockerfile/ignore.ts'
import { Scope } from '../dockerfile/scope.ts'
import { DEFAULT_PATH } from '../steps/environment.ts'
import type { Limit } from '../steps/limits.ts'
import { type Operation, PLAIN_COPY, type PlannedHistory, type SourceOperation } from './graph.ts'
import { Operations } from './operations.ts'
import { imageKey } from './platforms.ts'
import { planStage, type StageState } from './stage.ts'
import type { Stage } from './stages.ts'

/** What planning must know besides the stages. */
export interface PlanInput {
  readonly stages: readonly Stage[]
  /** That was asked for; one of several is told in the names of steps. */
  readonly wanted: { readonly platform: Platform; readonly isOneOfSeveral: boolean }
  /** Of each stage, by index: `stagePlatforms`. */
  readonly platforms: ReadonlyMap<number, Platform>
  /** Every image that a stage starts or copies from, by `imageKey`. */
  readonly images: ReadonlyMap<string, BaseImage>
  readonly globals: ReadonlyMap<string, string>
  readonly buildArgs: ReadonlyMap<string, string>
  readonly escape: string
  /** Of the machine, for build checks. */
  readonly machine: Platform
  readonly network: 'host' | 'none'
  readonly resources: StepResources
  /** What the context leaves out, for CopyIgnoredFile. */
  readonly ignore?: IgnoreMatcher | undefined
  /** Gets what build checks find, at once: it is there when planning fails, too. */
  readonly found?: Finding[] | undefined
}

/** What every RUN has. */
export interface StepResources {
  /** Bytes of /dev/shm. */
  readonly shmSize: number
  readonly limits: readonly Limit[]
}

export interface StagePlan {
  /** The operation whose result is the stage's file system. */
  readonly last: number
  readonly platform: Platform
  readonly config: RunConfig
  readonly author: string | undefined
  readonly history: readonly PlannedHistory[]
  /** Config of the image at the bottom of its stages. */
  readonly base: ImageConfig | undefined
}

export interface BuildPlan {
  readonly operations: readonly Operation[]
  readonly target: StagePlan
}

/** Stages -> operations, every variable expanded. Equal input gives an equal plan; what `all` has already is not there twice. */
export function planBuild(input: PlanInput, all = new Operations()): BuildPlan {
  const graph = new Graph(input, all)
  const done = new Map<number, StageState>()
  for (const stage of input.stages) done.set(stage.index, planStage(stage, graph, startOf(stage, graph, done), done))
  const target = done.get(input.stages.at(-1)?.index ?? -1)
  if (target === undefined) throw new Error('a plan has at least one stage')
  return { operations: all.list, target }
}

/** Operations so far, and what they all share. */
export class Graph {
  readonly input: PlanInput
  /** `NAME=value` of proxies, in both cases. */
  readonly proxies: readonly string[]
  readonly found: Finding[]
  readonly checks: PlanChecks
  readonly #all: Operations
  readonly #sources = new Map<string, number>()
  readonly #contextParts = new Map<string, number>()

  constructor(input: PlanInput, all: Operations) {
    this.input = input
    this.#all = all
    this.found = input.found ?? []
    this.checks = new PlanChecks(this.found, input.ignore)
    this.proxies = [...proxyEnvironment(input.buildArgs)].map(([name, value]) => `${name}=${value}`)
  }

  add(operation: Operation): number {
    return this.#all.add(operation)
  }

  get nextID(): number {
    return this.#all.list.length
  }

  /** The operation of an image, or of nothing (`undefined`); each is there once. */
  source(reference: string | undefined, platform: Platform, at: SourceOperation['at']): number {
    const key = reference === undefined ? '' : imageKey(reference, platform, at)
    const known = this.#sources.get(key)
    if (known !== undefined) return known
    const image = reference === undefined ? undefined : this.image(reference, platform, at)
    const name = `FROM ${reference ?? 'scratch'}`
    const id = this.add({ kind: 'source', id: this.nextID, inputs: [], name, at, platform, image })
    this.#sources.set(key, id)
    return id
  }

  /** The operation that brings one part of a context, there once. */
  contextPart(key: string, make: () => Operation): number {
    const known = this.#contextParts.get(key)
    if (known !== undefined) return known
    const id = this.add(make())
    this.#contextParts.set(key, id)
    return id
  }

  /** All files of a named context, as a layer. */
  files(name: string, platform: Platform, at: SourceOperation['at']): number {
    const parent = this.source(undefined, platform, at)
    const from = { from: { context: name }, fromLabel: `build context ${name}`, sources: ['.'], destination: '/' } as const
    return this.add({ ...PLAIN_COPY, id: this.nextID, inputs: [parent], name: `[context ${name}] load`, at, platform, ...from })
  }

  image(reference: string, platform: Platform, at: SourceOperation['at']): BaseImage {
    const image = this.input.images.get(imageKey(reference, platform, at))
    if (image === undefined) throw new Error(`image ${reference} was not resolved`)
    return image
  }

  platformOf(stage: Stage): Platform {
    const platform = this.input.platforms.get(stage.index)
    if (platform === undefined) throw new Error(`stage ${stage.index} has no platform`)
    return platform
  }
}

/** The state a stage begins in: that of its base stage, its base image's config, or nothing. */
function startOf(stage: Stage, graph: Graph, done: ReadonlyMap<number, StageState>): StageState {
  const { base } = stage
  const platform = graph.platformOf(stage)
  if (base.kind === 'stage') {
    const parent = done.get(base.index)
    if (parent === undefined) throw new Error(`stage ${base.index} is planned before those that need it`)
    const config = withoutTriggers(structuredClone(parent.config))
    return { ...parent, platform, config, history: [...parent.history], scope: parent.scope.fork(), hasOwnCmd: false, hasOwnEnv: false }
  }
  const reference = base.kind === 'image' ? base.reference : undefined
  const image = reference === undefined ? undefined : graph.image(reference, platform, stage.from.at)
  const given = image?.config.config
  const files = base.kind === 'tree' ? graph.files(base.name, platform, stage.from.at) : undefined
  const config = { ...withoutTriggers(structuredClone(given)), WorkingDir: rooted(given?.WorkingDir ?? '') } // Docker writes "" where there is none
  const env = config.Env ?? []
  const withPath = platform.os === 'windows' || env.some((item) => item.startsWith('PATH=')) ? env : [...env, DEFAULT_PATH]
  if (image !== undefined) graph.checks.base(stage, image, { wanted: platform, machine: graph.input.machine })
  const { globals, buildArgs, escape: escapeCharacter } = graph.input
  return {
    last: files ?? graph.source(reference, platform, stage.from.at),
    platform,
    config: withPath.length === 0 ? config : { ...config, Env: withPath },
    author: image?.config.author,
    history: files === undefined || base.kind !== 'tree' ? [] : [{ createdBy: `FROM ${base.name} # build context`, operation: files }],
    base: image?.config,
    scope: new Scope(withPath, { globals, buildArgs, escape: escapeCharacter, onWarning: (warning) => graph.found.push(warning) }),
    hasOwnCmd: false,
    hasOwnEnv: false,
  }
}

function rooted(path: string): string {
  return path.startsWith('/') ? path : cleanPath(`/${path}`)
}

/** They are the first instructions of the stage by now. */
function withoutTriggers(config: RunConfig | null | undefined): RunConfig {
  const { OnBuild: _, ...rest } = config ?? {}
  return rest
}
