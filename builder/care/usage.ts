import type { AllLimits } from './choose.ts'

const DAY_MS = 24 * 60 * 60 * 1000
/** By how much of the limit the cache has to grow before it is looked at again. */
const STEP_SHARE = 1 / 20

/** What the last look at a store found. All sizes in bytes. */
export interface Usage {
  /** Milliseconds since the epoch. */
  readonly at: number
  /** What the cache took then. */
  readonly used: number
  /** What was used of the disk then, by whomever. */
  readonly disk: number
  /** The limit then. */
  readonly cap: number
  /** What builds have made since, at least. */
  readonly made: number
}

export interface DiskNow {
  readonly now: number
  readonly free: number
  readonly used: number
}

/** The most that the cache may take. */
export function capOf({ maxUsed, reserved }: AllLimits): number {
  return Math.max(maxUsed, reserved)
}

/**
 * Whether a store is to be looked at: walking through it after every build would cost more than most builds. Since the last look the cache grew by what builds
 * made, or by as much as the disk filled up. It has to be near its limit, or the disk nearly full; once a day it is looked at in any case.
 */
export function isDue(usage: Usage, { now, free, used }: DiskNow, limits: AllLimits): boolean {
  const cap = capOf(limits)
  if (Math.abs(now - usage.at) >= DAY_MS || usage.cap !== cap) return true
  const grown = Math.max(usage.made, used - usage.disk)
  const step = cap * STEP_SHARE
  if (usage.used + grown > Math.max(cap, usage.used + step)) return true
  return grown > step && free < limits.minFree && usage.used + grown > limits.reserved
}

/** Undefined for bytes that are none, or of another release. */
export function parseUsage(text: string): Usage | undefined {
  try {
    const { at, used, disk, cap, made } = JSON.parse(text) as Record<keyof Usage, unknown>
    const isWhole = [at, used, disk, cap, made].every((value) => typeof value === 'number' && Number.isFinite(value))
    return isWhole ? ({ at, used, disk, cap, made } as Usage) : undefined
  } catch {
    return undefined
  }
}
