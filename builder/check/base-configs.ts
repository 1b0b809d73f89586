import type { ImageConfig } from '../../registry/oci/config.ts'
import { hasCode } from '../../registry/oci/error.ts'
import type { BaseImage } from '../deps.ts'
import { located } from '../located.ts'
import type { WantedImage } from '../plan/platforms.ts'
import { type Prepared, type PrepareRequest, prepare } from '../prepare.ts'
import type { RuleName } from './rule.ts'

/** Configs of base images, without their layers. */
export interface BaseConfigs {
  /** What is here; undefined when it is not. */
  known(image: WantedImage): Promise<ImageConfig | undefined>
  /** Asks the image's registry. */
  fetch(image: WantedImage): Promise<ImageConfig>
}

/** What a base image may take back: it may define the variable, or have a SHELL. */
const DEPENDS_ON_BASE: readonly RuleName[] = ['UndefinedVar', 'JSONArgsRecommended']

/** Failures that say nothing of the image. */
const NO_ANSWER = ['REGISTRY_UNREACHABLE', 'REGISTRY_TIMEOUT', 'CONNECTION_LOST', 'TLS_FAILED'] as const

export interface Checks extends Prepared {
  /** Bases whose registries did not answer: what was found takes them for images that set nothing. */
  readonly assumed: readonly string[]
}

/**
 * Checks every stage, or those that the target needs, and runs nothing. A base image that is not here counts as empty; its registry is asked only when
 * what was found then depends on it. Where it does not answer, the image stays empty, and is told. A registry that says no is the outcome.
 */
export async function prepareForCheck(request: PrepareRequest, configs: BaseConfigs): Promise<Checks> {
  const fetched = new Map<string, ImageConfig>()
  const assumed = new Map<string, WantedImage>()
  const resolve = async (wanted: ReadonlyMap<string, WantedImage>) => {
    const images = [...wanted].map(async ([key, image]) => {
      const config = fetched.get(key) ?? (await configs.known(image))
      if (config === undefined) assumed.set(key, image)
      return [key, imageOf(image, config)] as const
    })
    return new Map(await Promise.all(images))
  }
  const first = await prepare({ ...request, allStages: true }, resolve)
  const bases = new Set(first.parsed.instructions.flatMap(({ kind, at }) => (kind === 'from' ? [at.startLine] : [])))
  const missing = [...assumed].filter(([, { at }]) => bases.has(at.startLine))
  if (missing.length === 0 || !dependsOnBase(first)) return { ...first, assumed: [] }
  const silent = new Map<string, unknown>()
  for (const [key, image] of missing) {
    try {
      fetched.set(key, await fetchAt(image, configs))
    } catch (error) {
      if (!NO_ANSWER.some((code) => hasCode(error, code)))
        return { ...first, report: first.report.filter(({ rule }) => !DEPENDS_ON_BASE.includes(rule)), outcome: { error }, assumed: [] }
      silent.set(image.reference, error)
    }
  }
  const second = fetched.size === 0 ? first : await prepare({ ...request, allStages: true }, resolve)
  const [error] = silent.values()
  // What stands in the way of planning may be that the base is not known.
  const outcome = 'error' in second.outcome && error !== undefined ? { error } : second.outcome
  return { ...second, outcome, assumed: [...silent.keys()] }
}

function dependsOnBase({ report, outcome }: Prepared): boolean {
  return 'error' in outcome || report.some(({ rule }) => DEPENDS_ON_BASE.includes(rule))
}

function fetchAt(image: WantedImage, configs: BaseConfigs): Promise<ImageConfig> {
  return configs.fetch(image).catch((error: unknown) => {
    throw located(error, image.at)
  })
}

function imageOf({ reference, platform }: WantedImage, config: ImageConfig | undefined): BaseImage {
  const { os, architecture } = platform
  // Nothing that planning does looks at digest or layers.
  return { reference, manifest: NO_MANIFEST, config: config ?? { os, architecture, rootfs: { type: 'layers' } }, layers: [] }
}

const NO_MANIFEST = `sha256:${'0'.repeat(64)}` as BaseImage['manifest']
