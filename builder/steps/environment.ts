/** The PATH of a command where the image sets none. */
export const DEFAULT_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Docker's default for /dev/shm. */
export const DEFAULT_SHM_BYTES = 64 << 20

/** /etc/hosts inside a step; `extra` are further lines of it. */
export function hostsFile(hostname: string, extra: readonly string[]): string {
  const lines = [`127.0.0.1\tlocalhost ${hostname}`, '::1\tlocalhost ip6-localhost ip6-loopback', ...extra]
  return lines.map((line) => `${line}\n`).join('')
}

/** The variables of a command: of equal names the last holds, PATH and HOME are there, and what has no `=` (a config may hold anything) is left out. */
export function stepEnvironment(items: readonly string[], home: string): string[] {
  const variables = new Map(items.filter((item) => item.indexOf('=') > 0).map((item) => [nameOf(item), item]))
  const path = variables.has('PATH') ? [] : [DEFAULT_PATH]
  const rest = variables.has('HOME') ? [] : [`HOME=${home}`]
  return [...path, ...variables.values(), ...rest]
}

/** The name of `NAME=value`. */
export function nameOf(item: string): string {
  return item.slice(0, item.indexOf('='))
}
