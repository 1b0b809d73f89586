import type { DiffID } from '../../registry/oci/digest.ts'
import { bytesOf, type Entry, isCache, type Kind } from './entry.ts'
import { grouped } from './steps.ts'

/** Bytes; absent is no limit. As BuildKit's: the cache is cut down to `maxUsed`, further while less than `minFree` is free, but never below `reserved`. */
export interface Limits {
  readonly reserved?: number | undefined
  readonly maxUsed?: number | undefined
  readonly minFree?: number | undefined
}

/** Limits that are all given. */
export interface AllLimits extends Limits {
  readonly reserved: number
  readonly maxUsed: number
  readonly minFree: number
}

/** Which entries go. */
export interface Rule {
  readonly matches: (entry: Entry) => boolean
  /** Only what was not used for this long. */
  readonly unusedMs: number
  /** Those not used for longest go, as long as a limit is exceeded. Without any, all that match go. */
  readonly limits: Limits
  /** Also what is small and makes later builds slow when it is gone. */
  readonly all: boolean
}

/** The moment for which entries are chosen. `free` is what the file system has for us, in bytes. */
export interface Situation {
  readonly now: number
  readonly free: number
}

export interface Choice {
  readonly entries: readonly Entry[]
  /** Bytes that their removal gives. */
  readonly bytes: number
}

const ONLY_WITH_ALL: readonly Kind[] = ['context', 'internal']

/** What the rules take, one after the other, besides what nothing leads to. */
export function choose(entries: readonly Entry[], rules: readonly Rule[], { now, free }: Situation): Choice {
  const removal = new Removal(entries)
  for (const entry of entries) if (entry.kind === 'leftover') removal.take(entry)
  for (const rule of rules) {
    const kept = keptBytes(removal.left, free + removal.bytes, rule.limits)
    for (const entry of oldestFirst(entries)) {
      if (kept !== undefined && removal.left <= kept) break
      if (isTakenBy(rule, entry, now)) removal.take(entry)
    }
  }
  return { entries: removal.entries, bytes: removal.bytes }
}

/** How much of `used` bytes may stay; undefined where nothing limits it. */
function keptBytes(used: number, free: number, { reserved = 0, maxUsed, minFree = 0 }: Limits): number | undefined {
  if (reserved === 0 && maxUsed === undefined && minFree === 0) return undefined
  const missing = Math.max(0, minFree - free)
  const wanted = maxUsed ?? (minFree > 0 ? Number.POSITIVE_INFINITY : 0)
  return Math.max(reserved, missing > 0 ? Math.min(wanted, used - missing) : wanted)
}

/** A time that is still to come, from when the clock was ahead, counts as now. */
function isTakenBy({ matches, unusedMs, all }: Rule, entry: Entry, now: number): boolean {
  if (!entry.reclaimable || (!all && ONLY_WITH_ALL.includes(entry.kind))) return false
  return now - Math.min(entry.lastUsed, now) >= unusedMs && matches(entry)
}

function oldestFirst(entries: readonly Entry[]): Entry[] {
  return [...entries].sort((a, b) => a.lastUsed - b.lastUsed)
}

/** What is to be removed, and what that leaves. */
class Removal {
  readonly #taken = new Set<Entry>()
  readonly #steps: ReadonlyMap<DiffID | undefined, Entry[]>
  readonly #snapshots: ReadonlyMap<DiffID | undefined, Entry[]>
  /** Bytes of the cache that stay. */
  left: number
  bytes = 0

  constructor(entries: readonly Entry[]) {
    const ofKind = (kind: Kind) =>
      grouped(
        entries.filter((entry) => entry.kind === kind),
        ({ diffID }) => diffID,
      )
    this.#steps = ofKind('step')
    this.#snapshots = ofKind('snapshot')
    this.left = bytesOf(entries.filter(isCache))
  }

  get entries(): readonly Entry[] {
    return [...this.#taken]
  }

  take(entry: Entry): void {
    if (this.#taken.has(entry)) return
    this.#taken.add(entry)
    this.#free(entry.bytes - (entry.layerBytes ?? 0))
    if (entry.kind === 'step') this.#takeLayer(entry)
  }

  /** The layer goes with the last of its steps, and what was unpacked of it, too; unless an image has it. */
  #takeLayer({ diffID, shared }: Entry): void {
    const steps = this.#steps.get(diffID) ?? []
    if (shared || !steps.every((step) => this.#taken.has(step))) return
    for (const { layerBytes = 0 } of steps) this.#free(layerBytes)
    for (const snapshot of this.#snapshots.get(diffID) ?? []) this.take(snapshot)
  }

  #free(bytes: number): void {
    this.left -= bytes
    this.bytes += bytes
  }
}
