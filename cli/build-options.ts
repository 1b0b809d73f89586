import { existsSync, statSync } from 'node:fs'
import { readFile, realpath } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import type { PullPolicy } from '../builder/deps.ts'
import { isProxyArg } from '../builder/dockerfile/global-args.ts'
import { MAX_DOCKERFILE_BYTES } from '../builder/dockerfile/lines.ts'
import { ignoreRules } from '../builder/sources/ignore-rules.ts'
import { DirectoryTree } from '../builder/sources/directory.ts'
import { FileDigests } from '../builder/sources/file-digests.ts'
import { bytesOfText } from '../native/wire.ts'
import { isErrno, TsbuildError } from '../registry/oci/error.ts'
import type { OptionsOf } from './args.ts'
import type { Context } from './context.ts'
import { connectionFlags, progressFlag } from './flags.ts'
import type { Workspace } from './wire.ts'

/** Docker's flags that change nothing here, with the reason that is shown. */
const IGNORED = {
  load: 'the image is in the local store already',
  rm: 'no container is left behind',
  'force-rm': 'no container is left behind',
  builder: 'there is one builder, this program',
  provenance: 'no attestation is made',
  sbom: 'no attestation is made',
  compress: 'the context is read in place',
  'cache-from': 'the cache is the local store',
} as const

export const buildFlags = {
  tag: { kind: 'list', short: 't', value: 'name', help: 'name of the image; may be repeated' },
  file: { kind: 'string', short: 'f', value: 'path', help: 'Dockerfile (default: Dockerfile in the context); - reads standard input' },
  'build-arg': { kind: 'list', value: 'name[=value]', help: 'value of an ARG; without a value that of the environment' },
  target: { kind: 'string', value: 'stage', help: 'stop after this stage' },
  label: { kind: 'list', value: 'name=value', help: 'label of the image; may be repeated' },
  'no-cache': { kind: 'boolean', help: 'do every step again' },
  pull: { kind: 'optional', value: 'when', bare: 'always', help: 'always, missing (default) or never ask registries for base images' },
  platform: { kind: 'string', value: 'os/arch', help: 'platform of the image (default: this machine)' },
  network: { kind: 'string', value: 'mode', help: 'network of RUN: host (default) or none' },
  jobs: { kind: 'string', value: 'n', help: 'steps at once (default: number of cores)' },
  output: { kind: 'list', short: 'o', value: 'spec', help: 'type=image|registry|oci|local|tar[,dest=path][,name=...]; or a folder' },
  push: { kind: 'boolean', help: 'push the image under its names: --output type=registry' },
  iidfile: { kind: 'string', value: 'file', help: 'write the image ID there' },
  'metadata-file': { kind: 'string', value: 'file', help: 'write digests and names there, as JSON' },
  progress: progressFlag,
  quiet: { kind: 'boolean', short: 'q', help: 'print the image ID only' },
  ...connectionFlags,
  load: { kind: 'boolean', help: 'accepted for compatibility', hidden: true },
  rm: { kind: 'boolean', help: 'accepted for compatibility', hidden: true },
  'force-rm': { kind: 'boolean', help: 'accepted for compatibility', hidden: true },
  compress: { kind: 'boolean', help: 'accepted for compatibility', hidden: true },
  builder: { kind: 'string', value: 'name', help: 'accepted for compatibility', hidden: true },
  provenance: { kind: 'optional', value: 'mode', bare: 'true', help: 'accepted for compatibility', hidden: true },
  sbom: { kind: 'optional', value: 'mode', bare: 'true', help: 'accepted for compatibility', hidden: true },
} as const

type BuildOptions = OptionsOf<typeof buildFlags>

/** One line for each flag that was given and changes nothing; asking for an attestation, which is not made yet, is an error. */
export function ignoredFlags(options: BuildOptions): string[] {
  for (const name of ['provenance', 'sbom'] as const) {
    const value = options[name]
    if (value !== undefined && value !== 'false') throw new TsbuildError('USAGE', `--${name}=${value}: attestations are not supported yet`, { hint: `leave it out, or write --${name}=false` })
  }
  const given = (Object.keys(IGNORED) as (keyof typeof IGNORED)[]).filter((name) => name in options && options[name as keyof BuildOptions] !== undefined && options[name as keyof BuildOptions] !== false)
  return given.map((name) => `--${name} changes nothing: ${IGNORED[name]}`)
}

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
  const epoch = env['SOURCE_DATE_EPOCH']
  if (epoch !== undefined && !args.has('SOURCE_DATE_EPOCH')) args.set('SOURCE_DATE_EPOCH', epoch)
  return args
}
