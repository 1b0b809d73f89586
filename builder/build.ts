import type { Descriptor } from '../registry/oci/descriptor.ts'
import { digestOf } from '../registry/oci/digest.ts'
import { TsbuildError } from '../registry/oci/error.ts'
import type { Emit } from '../registry/oci/event.ts'
import { StepCache } from './cache.ts'
import { type Finding, pageOf } from './check/rule.ts'
import { unreachedNote } from './check/unreached.ts'
import type { BaseImage, BuildDeps, PullPolicy } from './deps.ts'
import { type RecordedStep, recordBuild } from './explain/build-record.ts'
import type { Explainer, ExplainerOptions } from './explain/explain.ts'
import { rememberBuild } from './explain/last-build.ts'
import { located, wordIn } from './located.ts'
import { ignoresCache, type NoCache, unknownStages } from './no-cache.ts'
import { perform, type StepResult } from './perform.ts'
import type { Operation } from './plan/graph.ts'
import type { WantedImage } from './plan/platforms.ts'
import { checkRunnable } from './plan/runnable.ts'
import { type PrepareRequest, prepare } from './prepare.ts'
import { type BuiltStep, builtSteps, cacheMountsOf, neededBy, type PlatformImage, rootOf, writeTarget } from './results.ts'
import { schedule } from './schedule.ts'
import type { CacheSource, ImportedCache } from './shared-cache/import.ts'
import type { SourceTree } from './sources/tree.ts'
import type { StepNetwork } from './steps/run.ts'
import { checkLent } from './steps/secrets.ts'

export interface BuildRequest extends PrepareRequest {
  readonly context: SourceTree
  /** How the files of `contexts` that are no images are opened: when a step first needs them. */
  readonly openContext?: ((name: string) => Promise<SourceTree>) | undefined
  readonly labels: ReadonlyMap<string, string>
  /** Which Dockerfile of which context it is: what it was before is looked for among steps of the same. */
  readonly project: string
  readonly noCache: NoCache
  /** False empties each cache mount of steps that `noCache` names once, before it is used. */
  readonly keepCacheMounts: boolean
  /** RUN --security=insecure may be had. */
  readonly allowInsecure: boolean
  /** Which devices RUN --device may name. */
  readonly allowDevices: (name: string) => boolean
  readonly pull: PullPolicy
  /** --cache-from: steps that others have done. Layers, of bases too, are then fetched only when a step reads them. */
  readonly imports: readonly CacheSource[]
  /** --cache-to type=inline: the image's config tells the keys of its layers. */
  readonly inlineCache: boolean
  /** How many steps may run at once. */
  readonly jobs: number
  /** Files of own layers that are later than SOURCE_DATE_EPOCH are dated back to it. */
  readonly rewriteTimestamps: boolean
  readonly stepNetwork: StepNetwork
  /** Program and version, for the records. */
  readonly producer: string
  readonly signal: AbortSignal
}

export interface BuildResult {
  /** The manifest of the image, or the index of several. */
  readonly root: Descriptor
  /** One for each platform, in their order. */
  readonly images: readonly PlatformImage[]
  /** For other machines: every step of the plan, and names of the cache mounts that steps have (`cacheName`). */
  shared(): Promise<{ readonly steps: readonly BuiltStep[]; readonly cacheMounts: readonly string[] }>
}

const NOTHING_REWRITTEN = {
  kind: 'warning',
  code: 'RewriteTimestampIgnored',
  message: 'rewrite-timestamp=true rewrites nothing without a time',
  hint: 'set SOURCE_DATE_EPOCH',
} as const

/** Builds the target stage: its image, or an index of one for each platform, is in the store afterwards, without a name. Every error that comes from the Dockerfile has its place in it. */
export async function build(request: BuildRequest, deps: BuildDeps): Promise<BuildResult> {
  const named = request.openContext ?? (() => Promise.reject(new Error('no contexts were named')))
  const { context, contexts, stepNetwork, noCache, producer, signal, jobs } = request
  const importing = importAll(request, deps)
  const dates = { context, contexts, openContext: named, deps, signal }
  const { parsed, report, outcome } = await prepare(request, (wanted) => resolveImages(wanted, request, deps), dates)
  announce(report, deps.emit)
  for (const warning of unknownStages(noCache, parsed)) deps.emit(warning)
  if ('error' in outcome) throw outcome.error
  const { operations, targets, stages } = outcome
  if (request.rewriteTimestamps && targets.some(({ epoch }) => epoch === undefined)) deps.emit(NOTHING_REWRITTEN)
  const unreached = request.target === undefined ? unreachedNote(parsed, stages) : undefined
  if (unreached !== undefined) deps.emit({ kind: 'note', message: unreached })
  const cache = new StepCache(deps.store)
  const project = digestOf(request.project)
  const imported = await importing
  const explainer = lazyExplainer({ place: deps.store, cache, operations, project, imported })
  const emptied = request.keepCacheMounts ? undefined : new Set<string>()
  const past = { cache, ignoresCache: ignoresCache(noCache), began: deps.now(), emptied, explainer, imported }
  const performance = { deps, context, named, network: stepNetwork, producer, ...past }
  checkRunnable(operations)
  checkAllowed(operations, request)
  const without = await checkLent(operations, deps.lent)
  if (without !== undefined) deps.emit({ kind: 'note', message: without })
  const work = (operation: Operation, inputs: readonly StepResult[], running: Parameters<typeof perform>[3]) =>
    perform(operation, inputs, performance, running)
  const results = await schedule(operations, work, { jobs, signal })
  const steps = () => builtSteps(operations, targets, results, cache)
  const images: PlatformImage[] = []
  for (const target of targets) images.push(await writeTarget(target, { ...request, results, operations, steps }, cache, deps))
  const root = await rootOf(images, deps)
  await rememberBuild(
    deps.store,
    project,
    namedKeys(operations, results).map(({ key }) => key),
  )
  for (const [index, { config }] of images.entries())
    await recordBuild(deps.store, config.digest, namedKeys(neededBy(operations, targets[index]?.last ?? -1), results))
  const shared = async () => ({ steps: await steps(), cacheMounts: cacheMountsOf(operations, results) })
  return { root, images, shared }
}

/** For `tsbuild why`. */
function namedKeys(operations: readonly Operation[], results: ReadonlyMap<number, StepResult>): RecordedStep[] {
  return operations.flatMap(({ id, name }) => {
    const key = results.get(id)?.keys[0]
    return key === undefined ? [] : { name, key }
  })
}

async function importAll({ imports, signal }: BuildRequest, { emit }: BuildDeps): Promise<ImportedCache | undefined> {
  if (imports.length === 0) return undefined
  const { importCaches } = await import('./shared-cache/import.ts')
  return importCaches(imports, emit, signal)
}

/** All at the same time. */
async function resolveImages(
  wanted: ReadonlyMap<string, WantedImage>,
  { pull, imports, platforms, signal }: BuildRequest,
  deps: BuildDeps,
): Promise<Map<string, BaseImage>> {
  const options = { pull, isLazy: imports.length > 0, isOneOfSeveral: platforms.length > 1, signal }
  const resolved = [...wanted].map(async ([key, { reference, platform, at }]) => {
    const image = await deps.bases.resolve(reference, platform, options).catch((error: unknown) => {
      throw located(error, at)
    })
    return [key, image] as const
  })
  return new Map(await Promise.all(resolved))
}

/** Loaded by the first step that is not in the cache. */
function lazyExplainer(options: ExplainerOptions): () => Promise<Explainer> {
  let explainer: Promise<Explainer> | undefined
  return () => {
    explainer ??= import('./explain/explain.ts').then((module) => new module.Explainer(options))
    return explainer
  }
}

function checkAllowed(operations: readonly Operation[], { allowInsecure, allowDevices }: BuildRequest): void {
  for (const operation of operations) {
    const device = operation.kind === 'run' ? operation.devices.find(({ name }) => !allowDevices(name)) : undefined
    if (device === undefined) continue
    throw new TsbuildError('NOT_ALLOWED', `entitlement device is not allowed for ${device.name}`, {
      at: device.at,
      hint: `if you trust this Dockerfile with it: --allow device=${device.name}`,
    })
  }
  const insecure = operations.find((operation) => operation.kind === 'run' && operation.insecure)
  if (insecure === undefined || allowInsecure) return
  throw new TsbuildError('NOT_ALLOWED', 'entitlement security.insecure is not allowed', {
    at: wordIn(insecure.at, '--security=insecure'),
    hint: 'if you trust this Dockerfile with all capabilities: --allow security.insecure',
  })
}

/** Every warning with its page, and how many there are: before anything runs. */
function announce(report: readonly Finding[], emit: Emit): void {
  for (const { rule, message, at, hint } of report)
    emit({ kind: 'warning', code: rule, message, page: pageOf(rule), ...(at && { at }), ...(hint && { hint }) })
  if (report.length === 0) return
  const count = report.length === 1 ? '1 warning' : `${report.length} warnings`
  emit({ kind: 'note', message: `${count} found; tsbuild build --check shows the lines` })
}
