import { readFileSync } from 'node:fs'
import type { StepNetwork } from '../builder/steps/run.ts'

const FALLBACK = 'nameserver 127.0.0.53\n'

/** Name servers as the host has them: a step shares its network. */
export function stepNetwork(): StepNetwork {
  try {
    return { resolvConf: readFileSync('/etc/resolv.conf', 'utf8') }
  } catch {
    return { resolvConf: FALLBACK } // a minimal host without name resolution of its own
  }
}
