import type { Descriptor } from '../registry/oci/descriptor.ts'
import type { Emit } from '../registry/oci/event.ts'
import { formatPlatform, type Platform } from '../registry/oci/platform.ts'
import { StepCache } from './cache.ts'
import type { BaseImage, BuildDeps, LayerRef, PullPolicy } from './deps.ts'
import { checkDockerfile } from './dockerfile/check.ts'
import { unusedBuildArgs } from './dockerfile/global-args.ts'
import type { ParsedDockerfile } from './dockerfile/instruction.ts'
import { parseDockerfile } from './dockerfile/parse.ts'
import { type ImageParts, writeImage } from './image.ts'
import { located } from './located.ts'
import { perform, type StepResult } from './perform.ts'
import type { NamedContexts } from './plan/named-contexts.ts'
import type { BuildPlan } from './plan/plan.ts'
import { planBuild } from './plan/plan.ts'
import { stagePlatforms, type WantedImage, wantedImages } from './plan/platforms.ts'
import { planStages, stageGlobals } from './plan/stages.ts'
import { rewriteTimes } from './rewrite.ts'
import { schedule } from './schedule.ts'
import type { SourceTree } from './sources/tree.ts'
import type { StepNetwork } from './steps/run.ts'

export interface BuildRequest {
  readonly dockerfile: { readonly bytes: Uint8Array; readonly file: string }
  readonly context: SourceTree
  /** `--build-context`, by `contextName`, and how the files of those that are no images are opened: when a step first needs them. */
  readonly contexts?: NamedContexts | undefined
  readonly openContext?: ((name: string) => Promise<SourceTree>) | undefined
  readonly target: string | undefined
  readonly buildArgs: ReadonlyMap<string, string>
  readonly labels: ReadonlyMap<string, string>
  readonly platform: Platform
  readonly buildPlatform: Platform
  readonly noCache: boolean
  readonly pull: PullPolicy
  /** How many steps may run at once. */
  readonly jobs: number
  /** SOURCE_DATE_EPOCH, seconds: no time in config and history is later. */
  readonly epoch: number | undefined
  /** Files of own layers that are later than the epoch are dated back to it. */
  readonly rewriteTimestamps: boolean
  readonly network: 'host' | 'none'
  readonly stepNetwork: StepNetwork
  /** Program and version, for the records. */
  readonly producer: string
  readonly signal: AbortSignal
}

export interface BuildResult {
  readonly manifest: Descriptor
  readonly config: Descriptor
  readonly layers: readonly LayerRef[]
}

/** Builds the target stage: its image is in the store afterwards, without a name. Every error that comes from the Dockerfile has its place in it. */
export async function build(request: BuildRequest, deps: BuildDeps): Promise<BuildResult> {
  const parsed = checkDockerfile(parseDockerfile(request.dockerfile.bytes, request.dockerfile.file))
  const { target, buildArgs, contexts } = request
  const options = { target, buildArgs, platformArgs: platformArgs(request), contexts }
  const stages = planStages(parsed, options)
  const { escape: escapeCharacter } = parsed.directives
  const platforms = stagePlatforms(stages, request.platform)
  const images = await resolveImages(wantedImages(stages, platforms), request, deps)
  const { buildPlatform, epoch, network } = request
  const globals = stageGlobals(parsed, options)
  const plan = planBuild({ stages, platforms, images, globals, buildArgs, escape: escapeCharacter, machine: buildPlatform, network })
  warn(parsed, plan, request, deps.emit)
  const { context, stepNetwork, noCache, producer, signal, jobs } = request
  const named = request.openContext ?? (() => Promise.reject(new Error('no contexts were named')))
  const since = noCache ? deps.now() : undefined
  const performance = { deps, cache: new StepCache(deps.store), context, named, network: stepNetwork, since, producer }
  const work = (operation: BuildPlan['operations'][number], inputs: readonly StepResult[], running: Parameters<typeof perform>[3]) =>
    perform(operation, inputs, performance, running)
  const results = await schedule(plan.operations, work, { jobs, signal })
  const parts = imageParts(plan, results, request)
  const final =
    request.rewriteTimestamps && epoch !== undefined ? await rewriteTimes(parts, epoch, deps, performance.cache, producer, signal) : parts
  return { ...(await writeImage(final, deps.store.blobs)), layers: final.layers }
}

/** All at the same time. */
async function resolveImages(
  wanted: ReadonlyMap<string, WantedImage>,
  { pull, signal }: BuildRequest,
  deps: BuildDeps,
): Promise<Map<string, BaseImage>> {
  const resolved = [...wanted].map(async ([key, { reference, platform, at }]) => {
    const image = await deps.bases.resolve(reference, platform, { pull, signal }).catch((error: unknown) => {
      throw located(error, at)
    })
    return [key, image] as const
  })
  return new Map(await Promise.all(resolved))
}

/** The automatic arguments of every build. */
export function platformArgs({ platform, buildPlatform }: Pick<BuildRequest, 'platform' | 'buildPlatform'>): Map<string, string> {
  const named = (prefix: string, of: Platform): [string, string][] => [
    [`${prefix}PLATFORM`, formatPlatform(of)],
    [`${prefix}OS`, of.os],
    [`${prefix}OSVERSION`, of['os.version'] ?? ''],
    [`${prefix}ARCH`, of.architecture],
    [`${prefix}VARIANT`, of.variant ?? ''],
  ]
  return new Map([...named('BUILD', buildPlatform), ...named('TARGET', platform)])
}

function warn(parsed: ParsedDockerfile, plan: BuildPlan, request: BuildRequest, emit: Emit): void {
  for (const { rule, message, at } of [...parsed.warnings, ...plan.warnings]) emit({ kind: 'warning', code: rule, message, at })
  for (const { name, suggestion } of unusedBuildArgs(parsed, request.buildArgs.keys())) {
    const hint = suggestion === undefined ? {} : { hint: `did you mean ${suggestion}?` }
    emit({ kind: 'warning', code: 'UnusedBuildArg', message: `no ARG declares --build-arg ${name}`, ...hint })
  }
}

function imageParts(plan: BuildPlan, results: ReadonlyMap<number, StepResult>, request: BuildRequest): ImageParts {
  const { target } = plan
  const history = target.history.map(({ createdBy, operation }) => {
    const created = operation === undefined ? undefined : results.get(operation)?.created
    return { createdBy, layer: created === undefined ? undefined : { created } }
  })
  const labels = { ...target.config.Labels, ...Object.fromEntries(request.labels) }
  const config = Object.keys(labels).length === 0 ? target.config : { ...target.config, Labels: labels }
  const layers = results.get(target.last)?.layers ?? []
  return { base: target.base, config, author: target.author, platform: target.platform, layers, history, epoch: request.epoch }
}
