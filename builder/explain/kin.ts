import { type Digest, digestOf } from '../../registry/oci/digest.ts'
import { cachePath, type Place } from '../../registry/store/place.ts'
import type { StepCache, StepRecord } from '../cache.ts'
import type { ImportedCache } from '../shared-cache/import.ts'
import { changedParts, type Wanted } from './cause.ts'
import { lastBuild, readKeys, writeKeys } from './last-build.ts'

/** How many keys are kept under one trait, newest first. */
const KEPT = 8
/** Of another Dockerfile a step counts as what this one was before only if so much of it is the same, by the words of its title. */
const MIN_LIKENESS = 0.6

/** Where steps of earlier builds are looked for. */
export interface KinOptions {
  readonly place: Place
  readonly cache: StepCache
  /** The subjects of the plan: a step that is in it is nobody's past. */
  readonly planned: ReadonlySet<string>
  /** Those of the plan: a step for another of them is the same step for somebody else. */
  readonly platforms: ReadonlySet<string>
  /** Digest of which Dockerfile. */
  readonly project: Digest
  readonly imported: ImportedCache | undefined
}

/**
 * Finds what a step was before it changed: in the last build of the same Dockerfile, else in any a step of the same subject, else one that went on with the
 * same file system and is in no plan any more. `cache/kin/<2>/<digest of the trait>` holds the last keys of each; what is lost there costs an explanation,
 * nothing else.
 */
export class StepKin {
  readonly #options: KinOptions
  #last: Promise<StepRecord[]> | undefined

  constructor(options: KinOptions) {
    this.#options = options
  }

  async nearest(wanted: Wanted): Promise<StepRecord | undefined> {
    this.#last ??= this.#past()
    const { parts, traits } = wanted
    const isPast = ({ parts: { platform = '' } }: StepRecord) => platform === parts.platform || !this.#options.platforms.has(platform)
    const last = (await this.#last).filter(isPast)
    const kin = this.#likest(
      last.filter((record) => record.traits?.subject === traits.subject),
      last.filter((record) => record.parts.operation === parts.operation && record.parts.parent === parts.parent),
      wanted,
    )
    if (kin !== undefined) return kin
    const [same = '', after = ''] = slotsOf(wanted).map((slot) => this.#path(slot))
    const likely = (await this.#records(readKeys(after))).filter(
      (record) => isPast(record) && (isOfProject(record, wanted) || likeness(record, wanted) >= MIN_LIKENESS),
    )
    return this.#likest((await this.#records(readKeys(same))).filter(isPast), likely, wanted)
  }

  async note(key: Digest, wanted: Wanted): Promise<void> {
    for (const slot of slotsOf(wanted)) {
      const path = this.#path(slot)
      const keys = [key, ...readKeys(path).filter((other) => other !== key)]
      await writeKeys(this.#options.place, path, keys.slice(0, KEPT))
    }
  }

  /** Of steps of the same subject the one with the most equal parts; else of those that went on with the same the one with the likest title. */
  #likest(same: readonly StepRecord[], after: readonly StepRecord[], wanted: Wanted): StepRecord | undefined {
    const past = after.filter(({ traits }) => traits !== undefined && !this.#options.planned.has(traits.subject))
    return best(same, (record) => -changedParts(wanted.parts, record.parts).length) ?? best(past, (record) => likeness(record, wanted))
  }

  /** The last build here, else what others have done. */
  async #past(): Promise<StepRecord[]> {
    const { place, project, imported } = this.#options
    const last = await this.#records(lastBuild(place, project))
    return last.length > 0 ? last : (imported?.steps() ?? []).map(({ record }) => record)
  }

  async #records(keys: readonly Digest[]): Promise<StepRecord[]> {
    const found = await Promise.all(keys.map((key) => this.#options.cache.find(key)))
    return found.filter((record) => record !== undefined)
  }

  #path(slot: Digest): string {
    return cachePath(this.#options.place.root, 'kin', slot)
  }
}

/** By what it does, and by what it goes on with. */
function slotsOf({ parts, traits }: Wanted): Digest[] {
  return [digestOf(JSON.stringify(['same', traits.subject])), digestOf(JSON.stringify(['after', parts.operation, parts.parent]))]
}

function best(records: readonly StepRecord[], score: (record: StepRecord) => number): StepRecord | undefined {
  const scored = records.map((record) => ({ record, score: score(record) }))
  return scored.reduce<(typeof scored)[number] | undefined>(
    (top, one) => (top === undefined || one.score > top.score ? one : top),
    undefined,
  )?.record
}

function isOfProject({ traits }: StepRecord, wanted: Wanted): boolean {
  return traits?.project === wanted.traits.project
}

/** Share of words that two titles have in common, 0 to 1. */
function likeness({ traits }: StepRecord, wanted: Wanted): number {
  const [a, b] = [traits?.title ?? '', wanted.traits.title].map((title) => title.split(' '))
  const common = a?.filter((word) => b?.includes(word)).length ?? 0
  return common / Math.max(a?.length ?? 1, b?.length ?? 1)
}
