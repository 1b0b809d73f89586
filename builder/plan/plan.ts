import type { ImageConfig, RunConfig } from '../../registry/oci/config.ts'
import { TsbuildError } from '../../registry/oci/error.ts'
import type { Platform } from '../../registry/oci/platform.ts'
import type { BaseImage } from '../deps.ts'
import { cleanPath } from '../dockerfile/clean-path.ts'
import { proxyEnvironment } from '../dockerfile/global-args.ts'
import type { Warning } from '../dockerfile/instruction.ts'
import { Scope } from '../dockerfile/scope.ts'
import { DEFAULT_PATH } from '../steps/environment.ts'
import type { Operation, PlannedHistory, SourceOperation } from './graph.ts'
import { imageKey } from './platforms.ts'
import { planStage, type StageState } from './stage.ts'
import type { Base, Stage } from './stages.ts'

/** What planning must know besides the stages. */
export interface PlanInput {
  readonly stages: readonly Stage[]
  /** Of each stage, by index: `stagePlatforms`. */
  readonly platforms: ReadonlyMap<number, Platform>
  /** Every image that a stage starts or copies from, by `imageKey`. */
  readonly images: ReadonlyMap<string, BaseImage>
  readonly globals: ReadonlyMap<string, string>
  readonly buildArgs: ReadonlyMap<string, string>
  readonly escape: string
  /** Of the machine: what RUN can execute. */
  readonly machine: Platform
  readonly network: 'host' | 'none'
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
  readonly warnings: readonly Warning[]
}

/** Stages -> operations, every variable expanded. Pure: equal input gives an equal plan. */
export function planBuild(input: PlanInput): BuildPlan {
  const graph = new Graph(input)
  const done = new Map<number, StageState>()
  for (const stage of input.stages) done.set(stage.index, planStage(stage, graph, startOf(stage, graph, done), done))
  const target = done.get(input.stages.at(-1)?.index ?? -1)
  if (target === undefined) throw new Error('a plan has at least one stage')
  return { operations: graph.operations, target, warnings: [...done.values()].flatMap((state) => state.scope.warnings) }
}

/** Operations so far, and what they all share. */
export class Graph {
  readonly operations: Operation[] = []
  readonly input: PlanInput
  /** `NAME=value` of proxies, in both cases. */
  readonly proxies: readonly string[]
  readonly #sources = new Map<string, number>()

  constructor(input: PlanInput) {
    this.input = input
    this.proxies = [...proxyEnvironment(input.buildArgs)].map(([name, value]) => `${name}=${value}`)
  }

  add(operation: Operation): number {
    this.operations.push(operation)
    return operation.id
  }

  get nextID(): number {
    return this.operations.length
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

  /** All files of a named context, as a layer. */
  files(name: string, platform: Platform, at: SourceOperation['at']): number {
    const parent = this.source(undefined, platform, at)
    const from = { from: { context: name }, fromLabel: `build context ${name}`, sources: ['.'], inline: [], destination: '/' } as const
    const plain = {
      add: false,
      unpack: undefined,
      checksum: undefined,
      keepGitDir: undefined,
      chown: undefined,
      chmod: undefined,
      time: 0,
    } as const
    return this.add({ kind: 'copy', id: this.nextID, inputs: [parent], name: `[context ${name}] load`, at, platform, ...from, ...plain })
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
    return { ...parent, platform, scope: parent.scope.fork(), hasOwnCmd: false }
  }
  const reference = base.kind === 'image' ? base.reference : undefined
  const image = reference === undefined ? undefined : graph.image(reference, platform, stage.from.at)
  refuseTriggers(stage, base, image)
  const given = image?.config.config
  const files = base.kind === 'tree' ? graph.files(base.name, platform, stage.from.at) : undefined
  const config = { ...given, WorkingDir: cleanPath(`/${given?.WorkingDir ?? ''}`) } // Docker writes "" where there is none
  const env = config.Env ?? []
  const withPath = env.some((item) => item.startsWith('PATH=')) ? env : [...env, DEFAULT_PATH]
  const { globals, buildArgs, escape: escapeCharacter } = graph.input
  return {
    last: files ?? graph.source(reference, platform, stage.from.at),
    platform,
    config: { ...config, Env: withPath },
    author: image?.config.author,
    history: files === undefined || base.kind !== 'tree' ? [] : [{ createdBy: `FROM ${base.name} # build context`, operation: files }],
    base: image?.config,
    scope: new Scope(withPath, { globals, buildArgs, escape: escapeCharacter }),
    hasOwnCmd: false,
  }
}

function refuseTriggers(stage: Stage, base: Base, image: BaseImage | undefined): void {
  if (base.kind !== 'image' || (image?.config.config?.OnBuild ?? []).length === 0) return
  throw new TsbuildError('DOCKERFILE_UNSUPPORTED', `${base.reference} has ONBUILD triggers, which are not supported yet`, {
    at: stage.from.at,
  })
}
