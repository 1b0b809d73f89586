import { formatPlatform, type Platform } from '../registry/oci/platform.ts'
import { checkOptionsOf } from './check/options.ts'
import { failureOf, reportOf } from './check/report.ts'
import type { Finding } from './check/rule.ts'
import { fromFindings } from './check/rules/from.ts'
import { textFindings } from './check/text-findings.ts'
import type { BaseImage } from './deps.ts'
import { checkDockerfile } from './dockerfile/check.ts'
import { unusedBuildArgs } from './dockerfile/global-args.ts'
import type { IgnoreMatcher } from './dockerfile/ignore.ts'
import type { ParsedDockerfile } from './dockerfile/instruction.ts'
import { parseDockerfile } from './dockerfile/parse.ts'
import { EPOCH, type EpochSources, resolveEpoch } from './epoch.ts'
import type { Operation } from './plan/graph.ts'
import type { NamedContexts } from './plan/named-contexts.ts'
import { hintAtStage } from './plan/near-stage.ts'
import { Operations } from './plan/operations.ts'
import { planBuild, type StagePlan, type StepResources } from './plan/plan.ts'
import { stagePlatforms, type WantedImage, wantedImages } from './plan/platforms.ts'
import { type PlanOptions, planStages, type Stage, stageGlobals } from './plan/stages.ts'
import { imageTriggers, type Triggers } from './plan/triggers.ts'

/** What a Dockerfile is planned with. */
export interface PrepareRequest {
  readonly dockerfile: { readonly bytes: Uint8Array; readonly file: string }
  readonly target: string | undefined
  readonly buildArgs: ReadonlyMap<string, string>
  /** `--build-context`, by `contextName`. */
  readonly contexts?: NamedContexts | undefined
  /** Of the images, in their order: one or more, each once. */
  readonly platforms: readonly Platform[]
  readonly buildPlatform: Platform
  readonly network: 'host' | 'none'
  readonly resources: StepResources
  /** What the context leaves out, for build checks. */
  readonly ignore?: IgnoreMatcher | undefined
  /** Without a target: every stage is planned. */
  readonly allStages?: boolean | undefined
}

export interface Prepared {
  readonly parsed: ParsedDockerfile
  /** What build checks say, ready to be shown: also when planning failed. */
  readonly report: readonly Finding[]
  readonly outcome: Outcome
}

/** `error` is also that of `# check=error=true`. */
export type Outcome = Planned | { readonly error: unknown }

export interface Planned {
  /** As the first platform has them. */
  readonly stages: readonly Stage[]
  /** Of all platforms; what does not depend on them is there once. */
  readonly operations: readonly Operation[]
  /** One for each platform, in their order. */
  readonly targets: readonly PlatformTarget[]
}

/** The target stage as one platform has it. */
export interface PlatformTarget extends StagePlan {
  /** That was asked for; `platform` is what the stage says. */
  readonly wanted: Platform
  /** SOURCE_DATE_EPOCH, seconds. */
  readonly epoch: number | undefined
}

/** Finds the images that a plan needs, by `imageKey`. */
export type ResolveImages = (wanted: ReadonlyMap<string, WantedImage>) => Promise<ReadonlyMap<string, BaseImage>>

/** Dockerfile -> plan, and what build checks find on the way. Nothing is run. Throws what cannot be read at all: DOCKERFILE_SYNTAX, CHECK_OPTION. */
export async function prepare(request: PrepareRequest, resolve: ResolveImages, dates?: EpochSources): Promise<Prepared> {
  const { buildArgs, dockerfile } = request
  const parsed = parseDockerfile(dockerfile.bytes, dockerfile.file, { syntax: buildArgs.get('BUILDKIT_SYNTAX') })
  const options = checkOptionsOf(parsed, buildArgs)
  const found = [...textFindings(parsed), ...unusedFindings(parsed, buildArgs)]
  const outcome = await planOf(parsed, request, { resolve, found, dates }).catch((error: unknown) => ({ error }))
  const report = reportOf(parsed, found, options)
  const failure = 'error' in outcome ? undefined : failureOf(report, options)
  return { parsed, report, outcome: failure === undefined ? outcome : { error: failure } }
}

/** The plan alone. Build checks are put into `found`. Throws whatever stands in its way. */
export async function planOf(
  parsed: ParsedDockerfile,
  request: PrepareRequest,
  { resolve, found, dates }: { resolve: ResolveImages; found: Finding[]; dates: EpochSources | undefined },
): Promise<Planned> {
  checkDockerfile(parsed)
  const resolveOnce = onceEach(resolve)
  const grounds = await Promise.all(
    request.platforms.map((platform) => groundsOf(parsed, platform, request, { resolve: resolveOnce, dates })),
  )
  const operations = new Operations()
  const targets = grounds.map(({ platform, epoch, ...ground }) => {
    found.push(...fromFindings(parsed, ground))
    const wanted = { platform, isOneOfSeveral: request.platforms.length > 1 }
    const { target } = planBuild({ ...ground, ...settingsOf(parsed, request), wanted, found }, operations)
    if (wanted.isOneOfSeveral) operations.nextPlan()
    return { ...target, wanted: platform, epoch }
  })
  return { stages: grounds[0]?.stages ?? [], operations: operations.list, targets }
}

/** What is the same for each platform. */
function settingsOf({ directives }: ParsedDockerfile, { buildPlatform, network, resources, ignore }: PrepareRequest) {
  return { escape: directives.escape, machine: buildPlatform, network, resources, ignore }
}

/** What one platform is planned on: its arguments, stages and images. */
async function groundsOf(
  parsed: ParsedDockerfile,
  platform: Platform,
  request: PrepareRequest,
  { resolve, dates }: { readonly resolve: ResolveImages; readonly dates: EpochSources | undefined },
) {
  const { target, contexts, buildPlatform } = request
  const given = { target, buildArgs: new Map(request.buildArgs), contexts, platformArgs: platformArgs({ platform, buildPlatform }) }
  const options = { ...given, allStages: request.allStages && target === undefined }
  const { buildArgs } = given
  const globals = stageGlobals(parsed, options)
  const epoch = await resolveEpoch({ parsed, globals, buildArgs }, dates)
  settle(buildArgs.has(EPOCH) ? buildArgs : globals, epoch)
  return { platform, epoch, globals, buildArgs, ...(await resolveStages(parsed, options, { platform, resolve })) }
}

/** Platforms ask for the same images at the same time: each is looked for once. */
function onceEach(resolve: ResolveImages): ResolveImages {
  const asked = new Map<string, ReturnType<ResolveImages>>()
  return async (wanted) => {
    const fresh = new Map([...wanted].filter(([key]) => !asked.has(key)))
    const found = resolve(fresh)
    for (const key of fresh.keys()) asked.set(key, found)
    const images = await Promise.all([...wanted.keys()].map(async (key) => [key, (await asked.get(key))?.get(key)] as const))
    await found
    return new Map(images.flatMap(([key, image]) => (image === undefined ? [] : [[key, image] as const])))
  }
}

/** What stages see of SOURCE_DATE_EPOCH is a number, whatever it was told by. */
function settle(args: Map<string, string>, epoch: number | undefined): void {
  if (epoch !== undefined) args.set(EPOCH, String(epoch))
  else if (args.get(EPOCH) !== '') args.delete(EPOCH)
}

/**
 * The stages, and the images that they need. ONBUILD triggers of an image are known only once it is there, and may need further stages and images, so
 * this goes on until nothing is new: at most once for each stage.
 */
async function resolveStages(
  parsed: ParsedDockerfile,
  options: PlanOptions,
  { platform, resolve }: { readonly platform: Platform; readonly resolve: ResolveImages },
) {
  const images = new Map<string, BaseImage>()
  let triggers: Triggers = new Map()
  for (;;) {
    const stages = planStages(parsed, { ...options, triggers })
    const platforms = stagePlatforms(stages, platform)
    const unknown = new Map<string, WantedImage>()
    try {
      for (const [key, image] of wantedImages(stages, platforms)) if (!images.has(key)) unknown.set(key, image)
      for (const [key, image] of await resolve(unknown)) images.set(key, image)
    } catch (error) {
      throw hintAtStage(error, unknown.values(), parsed)
    }
    const found = imageTriggers(stages, platforms, images)
    if (found.size === triggers.size) return { stages, platforms, images }
    triggers = found
  }
}

export function platformArgs({ platform, buildPlatform }: Record<'platform' | 'buildPlatform', Platform>): Map<string, string> {
  const named = (prefix: string, of: Platform): [string, string][] => [
    [`${prefix}PLATFORM`, formatPlatform(of)],
    [`${prefix}OS`, of.os],
    [`${prefix}OSVERSION`, of['os.version'] ?? ''],
    [`${prefix}ARCH`, of.architecture],
    [`${prefix}VARIANT`, of.variant ?? ''],
  ]
  return new Map([...named('BUILD', buildPlatform), ...named('TARGET', platform)])
}

function unusedFindings(parsed: ParsedDockerfile, buildArgs: ReadonlyMap<string, string>): Finding[] {
  return unusedBuildArgs(parsed, buildArgs.keys()).map(({ name, suggestion }) => ({
    rule: 'UnusedBuildArg',
    message: `no ARG declares --build-arg ${name}`,
    hint: suggestion === undefined ? undefined : `did you mean ${suggestion}?`,
  }))
}
