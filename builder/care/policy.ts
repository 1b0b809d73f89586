import type { AllLimits, Limits, Rule } from './choose.ts'
import type { Kind } from './entry.ts'

const HOUR_MS = 60 * 60 * 1000
/** Most of a disk that is used when nothing else is said, and how much of it. BuildKit, cmd/buildkitd/config/gcpolicy.go. */
const RESERVED = { share: 0.1, most: 10e9 }
const MAX_USED = { share: 0.8, most: 100e9 }
const MIN_FREE_SHARE = 0.2

/** What is made or fetched again at little cost goes first. */
const EASY: readonly Kind[] = ['snapshot', 'mount', 'git', 'context']
const EASY_UNUSED_MS = 48 * HOUR_MS
const EASY_BYTES = 512e6
const OLD_MS = 60 * 24 * HOUR_MS

const ALL: Pick<Rule, 'matches' | 'unusedMs'> = { matches: () => true, unusedMs: 0 }

/** BuildKit's limits for a disk of this many bytes. */
export function defaultLimits(diskBytes: number): AllLimits {
  const part = ({ share, most }: typeof RESERVED) => Math.floor(Math.min(most, diskBytes * share))
  return { reserved: part(RESERVED), maxUsed: part(MAX_USED), minFree: Math.floor(diskBytes * MIN_FREE_SHARE) }
}

/** BuildKit's rules, in their order: beyond 512 MB what is easily had again and unused for 48 hours; what is unused for 60 days; anything; really anything. */
export function policyRules(limits: Limits): Rule[] {
  const easy = { matches: ({ kind }: { kind: Kind }) => EASY.includes(kind), unusedMs: EASY_UNUSED_MS, limits: { maxUsed: EASY_BYTES } }
  return [
    { ...easy, all: true },
    { ...ALL, unusedMs: OLD_MS, limits, all: false },
    { ...ALL, limits, all: false },
    { ...ALL, limits, all: true },
  ]
}
