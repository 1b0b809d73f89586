import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import type { StepNetwork } from '../builder/steps/run.ts'
import { TsbuildError } from '../registry/oci/error.ts'

const FALLBACK = 'nameserver 127.0.0.53\n'

/** Name servers as the host has them: a step shares its network. `addHosts` are values of --add-host. Throws USAGE. */
export function stepNetwork(addHosts: readonly string[] = []): StepNetwork {
  const extraHosts = addHosts.map(hostLine)
  try {
    return { resolvConf: readFileSync('/etc/resolv.conf', 'utf8'), extraHosts }
  } catch {
    return { resolvConf: FALLBACK, extraHosts } // a minimal host without name resolution of its own
  }
}

/** `name:ip` or `name=ip`, an IPv6 address perhaps in brackets. The gateway to the host is the host itself, whose network a step shares. */
function hostLine(text: string): string {
  const [, name = '', written = ''] = /^([A-Za-z0-9_.-]+)[:=](.+)$/.exec(text) ?? []
  const address = written === 'host-gateway' ? '127.0.0.1' : written.replace(/^\[(.*)\]$/, '$1')
  if (isIP(address) !== 0) return `${address}\t${name}`
  throw new TsbuildError('USAGE', `--add-host ${JSON.stringify(text)} is no name with an address`, { hint: 'write name:1.2.3.4' })
}
