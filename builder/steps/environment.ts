/** The PATH of a command where the image sets none. */
export const DEFAULT_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** /etc/hosts inside a step. */
export function hostsFile(hostname: string): string {
  return `127.0.0.1\tlocalhost ${hostname}\n::1\tlocalhost ip6-localhost ip6-loopback\n`
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
