/** A limit of a process: `name` as in getrlimit(2) without RLIMIT_, in lower case; values as the kernel counts them, -1 for none. */
export interface Limit {
  readonly name: LimitName
  readonly soft: number
  readonly hard: number
}

/** Numbers of the generic and x86 kernels, which arm64 shares: asm-generic/resource.h. */
export const LIMITS = {
  cpu: 0,
  fsize: 1,
  data: 2,
  stack: 3,
  core: 4,
  rss: 5,
  nproc: 6,
  nofile: 7,
  memlock: 8,
  locks: 10,
  sigpending: 11,
  msgqueue: 12,
  nice: 13,
  rtprio: 14,
  rttime: 15,
} as const
export type LimitName = keyof typeof LIMITS

/** `nofile=1024`, `nofile=1024:2048`, `core=-1`, `core=unlimited`; undefined for what is none, or has a soft limit above the hard one. */
export function readLimit(text: string): Limit | undefined {
  const match = /^([a-z]+)=(-1|unlimited|\d+)(?::(-1|unlimited|\d+))?$/.exec(text)
  const name = match?.[1]
  if (name === undefined || !Object.hasOwn(LIMITS, name)) return undefined
  const soft = limitValue(match?.[2] ?? '')
  const hard = match?.[3] === undefined ? soft : limitValue(match[3])
  const isOrdered = hard === -1 || (soft !== -1 && soft <= hard)
  return isOrdered && Number.isSafeInteger(soft) && Number.isSafeInteger(hard) ? { name: name as LimitName, soft, hard } : undefined
}

function limitValue(text: string): number {
  return text === 'unlimited' ? -1 : Number(text)
}
