import { availableParallelism } from 'node:os'
import type { PullPolicy } from '../builder/deps.ts'
import { isProxyArg } from '../builder/dockerfile/global-args.ts'
import { readSize } from '../builder/dockerfile/mount.ts'
import { didYouMean } from '../builder/dockerfile/suggest.ts'
import type { NoCache } from '../builder/no-cache.ts'
import type { StepResources } from '../builder/plan/plan.ts'
import { DEFAULT_SHM_BYTES } from '../builder/steps/environment.ts'
import { LIMITS, type Limit, readLimit } from '../builder/steps/limits.ts'
import { TsbuildError } from '../registry/oci/error.ts'
import { formatPlatform, type Platform, parsePlatform, platformOfArch } from '../registry/oci/platform.ts'
import { parseBoolean } from './booleans.ts'
import type { Context } from './context.ts'
import type { ExplainFormat } from './explain.ts'

export function keyValues(items: readonly string[], flag: string): Map<string, string> {
  return new Map(
    items.map((item) => {
      const equals = item.indexOf('=')
      if (item === '' || equals === 0) throw new TsbuildError('USAGE', `--${flag} ${JSON.stringify(item)}: write name=value`)
      return equals < 0 ? [item, ''] : [item.slice(0, equals), item.slice(equals + 1)]
    }),
  )
}

/** Proxies of the Docker configuration, then of the environment, then `--build-arg`; a name without a value takes the environment's, if it has one. */
export async function buildArguments(items: readonly string[], env: Context['env']): Promise<Map<string, string>> {
  const args = await configuredProxies(env)
  for (const [name, value] of Object.entries(env)) if (isProxyArg(name) && value) args.set(name, value)
  for (const item of items) {
    const equals = item.indexOf('=')
    const name = equals < 0 ? item : item.slice(0, equals)
    if (name === '') throw new TsbuildError('USAGE', `--build-arg ${JSON.stringify(item)}: write name=value`)
    const value = equals < 0 ? env[name] : item.slice(equals + 1)
    if (value !== undefined) args.set(name, value)
  }
  const epoch = env.SOURCE_DATE_EPOCH
  if (epoch && !args.has('SOURCE_DATE_EPOCH')) args.set('SOURCE_DATE_EPOCH', epoch)
  return args
}

/** `proxies.default` of the Docker client's configuration, by the names of the variables. */
async function configuredProxies(env: Context['env']): Promise<Map<string, string>> {
  const { readClientProxies } = await import('../registry/remote/client-proxies.ts')
  return readClientProxies(env)
}

export function networkOf(text: string | undefined): 'host' | 'none' {
  if (text === undefined || text === 'default' || text === 'host') return 'host'
  if (text === 'none') return 'none'
  throw new TsbuildError('USAGE', `--network=${text} is not supported`, { hint: 'host or none' })
}

export function pullPolicy(text: string | undefined): PullPolicy {
  if (text === undefined || text === 'missing') return 'missing'
  if (text === 'always' || text === 'never' || text === 'newer') return text
  if (text === 'ifnewer') return 'newer'
  const isAlways = parseBoolean(text)
  if (isAlways !== undefined) return isAlways ? 'always' : 'missing'
  throw new TsbuildError('USAGE', `--pull=${text} is not known`, { hint: 'always, missing, newer or never' })
}

/** --no-cache, --no-cache=true, --no-cache=steps; --no-cache-filter STAGE[,STAGE]. */
export function noCacheOf(text: string | undefined, filter: readonly string[]): { noCache: NoCache; keepCacheMounts: boolean } {
  const stages = filter.flatMap((item) => item.split(','))
  const isAll = text === undefined ? false : text === 'all' || text === 'steps' || parseBoolean(text)
  if (isAll === undefined) throw new TsbuildError('USAGE', `--no-cache=${text} is not known`, { hint: 'all (default) or steps' })
  if (isAll && stages.length > 0)
    throw new TsbuildError('USAGE', '--no-cache and --no-cache-filter cannot be used together', { hint: '--no-cache is all stages' })
  return { noCache: isAll ? 'all' : stages, keepCacheMounts: text === 'steps' }
}

const ENTITLEMENTS = ['security.insecure', 'network.host'] as const

/** --allow. The host's network is what steps have anyway. `device` is all of them, `device=NAME` one, or with `NAME` without a device those of its kind. */
export function allowedOf(items: readonly string[]): { allowInsecure: boolean; allowDevices: (name: string) => boolean } {
  const devices = items.filter((item) => item === 'device' || item.startsWith('device='))
  const isDevice = (name: string) =>
    devices.some(
      (item) => item === 'device' || item === `device=${name}` || (!item.slice(7).includes('=') && name.startsWith(`${item.slice(7)}=`)),
    )
  for (const item of items) {
    if (!devices.includes(item) && !ENTITLEMENTS.some((known) => known === item))
      throw new TsbuildError('USAGE', `--allow ${item} is not known`, {
        hint: didYouMean(item, ENTITLEMENTS) ?? `${ENTITLEMENTS.join(', ')}, device, device=NAME`,
      })
  }
  return { allowInsecure: items.includes('security.insecure'), allowDevices: isDevice }
}

/** --shm-size and --ulimit. */
export function stepResources(options: { readonly 'shm-size': string | undefined; readonly ulimit: readonly string[] }): StepResources {
  const text = options['shm-size']
  const shmSize = text === undefined ? DEFAULT_SHM_BYTES : readSize(text)
  if (shmSize === undefined || shmSize === 0)
    throw new TsbuildError('USAGE', `--shm-size=${text} is no size`, { hint: 'write bytes, or 64m, 1g' })
  return { shmSize, limits: options.ulimit.map(limitOf) }
}

function limitOf(text: string): Limit {
  const limit = readLimit(text)
  if (limit !== undefined) return limit
  throw new TsbuildError('USAGE', `--ulimit ${JSON.stringify(text)} is no limit`, {
    hint: `write name=soft[:hard], with the name one of ${Object.keys(LIMITS).join(', ')}`,
  })
}

/** --explain. */
export function explainFormat(text: string | undefined): ExplainFormat | undefined {
  if (text === undefined || text === 'text' || text === 'json') return text
  const isWanted = parseBoolean(text)
  if (isWanted !== undefined) return isWanted ? 'text' : undefined
  throw new TsbuildError('USAGE', `--explain=${text} is not known`, { hint: 'text (default) or json' })
}

/** --jobs: by default twice the number of cores, at least 4, since steps wait for disks and servers, too. */
export function jobsOf(text: string | undefined): number {
  if (text === undefined) return Math.max(4, 2 * availableParallelism())
  const jobs = Number(text)
  if (Number.isInteger(jobs) && jobs >= 1) return jobs
  throw new TsbuildError('USAGE', `--jobs=${text} is no number`, { hint: '1 or more' })
}

/** --platform: by commas, or repeated, each once; `local`, and the default, is this machine's. */
export function buildPlatforms(items: readonly string[]): Platform[] {
  const machine = platformOfArch(process.arch)
  const words = items.flatMap((item) => item.split(','))
  const platforms = words.map((word) => (word.trim() === 'local' ? machine : parsePlatform(word.trim())))
  return platforms.length === 0 ? [machine] : [...new Map(platforms.map((platform) => [formatPlatform(platform), platform])).values()]
}
