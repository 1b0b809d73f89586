import { existsSync, statSync } from 'node:fs'
import { readFile, realpath } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import type { PullPolicy } from '../builder/deps.ts'
import { isProxyArg } from '../builder/dockerfile/global-args.ts'
import { readIgnore } from '../builder/dockerfile/ignore.ts'
import { MAX_DOCKERFILE_BYTES } from '../builder/dockerfile/lines.ts'
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
    if (value !== undefined && value !== 'false')
      throw new TsbuildError('USAGE', `--${name}=${value}: attestations are not supported yet`, {
        hint: `leave it out, or write --${name}=false`,
      })
  }
  const given = (Object.keys(IGNORED) as (keyof typeof IGNORED)[]).filter(
    (name) => name in options && options[name as keyof BuildOptions] !== undefined && options[name as keyof BuildOptions] !== false,
  )
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
  const epoch = env.SOURCE_DATE_EPOCH
  if (epoch !== undefined && !args.has('SOURCE_DATE_EPOCH')) args.set('SOURCE_DATE_EPOCH', epoch)
  return args
}

/** `proxies.default` of the Docker client's configuration, by the names of the variables. */
async function configuredProxies(env: Context['env']): Promise<Map<string, string>> {
  const { readClientProxies } = await import('../registry/remote/client-proxies.ts')
  return readClientProxies(env)
}

/** SOURCE_DATE_EPOCH, whole seconds; an empty value means none. */
export function epochOf(args: ReadonlyMap<string, string>): number | undefined {
  const text = args.get('SOURCE_DATE_EPOCH')
  if (text === undefined || text === '') return undefined
  if (/^\d{1,12}$/.test(text)) return Number(text)
  throw new TsbuildError('USAGE', `invalid SOURCE_DATE_EPOCH: ${text}`, { hint: 'whole seconds since 1970' })
}

export function networkOf(text: string | undefined): 'host' | 'none' {
  if (text === undefined || text === 'default' || text === 'host') return 'host'
  if (text === 'none') return 'none'
  throw new TsbuildError('USAGE', `--network=${text} is not supported`, { hint: 'host or none' })
}

export function pullPolicy(text: string | undefined): PullPolicy {
  if (text === undefined || text === 'false' || text === 'missing') return 'missing'
  if (text === 'true' || text === 'always') return 'always'
  if (text === 'never') return 'never'
  throw new TsbuildError('USAGE', `--pull=${text} is not known`, { hint: 'always, missing or never' })
}

export interface DockerfileText {
  readonly bytes: Uint8Array
  readonly file: string
  /** Absolute path; undefined when it came from standard input. */
  readonly path: string | undefined
}

/** `-f`, relative to the current folder; else Dockerfile or dockerfile in the context. Errors can show it from then on. Throws DOCKERFILE_MISSING. */
export async function dockerfileOf(file: string | undefined, folder: string, context: Context): Promise<DockerfileText> {
  const dockerfile = await readDockerfile(file, folder, context)
  context.sources.set(dockerfile.file, dockerfile.bytes)
  return dockerfile
}

async function readDockerfile(file: string | undefined, folder: string, context: Context): Promise<DockerfileText> {
  if (folder === '-' || /^(https?|git|ssh):\/\/|^[\w.-]+@[\w.-]+:/.test(folder)) {
    throw new TsbuildError('CONTEXT_UNSUPPORTED', `a context from ${folder === '-' ? 'standard input' : folder} is not supported yet`, {
      hint: 'give a folder',
    })
  }
  if (file === '-') return { bytes: await context.readInput(MAX_DOCKERFILE_BYTES), file: '-', path: undefined }
  const path = file === undefined ? defaultDockerfile(resolve(context.cwd, folder)) : resolve(context.cwd, file)
  try {
    if (statSync(path).size > MAX_DOCKERFILE_BYTES)
      throw new TsbuildError('DOCKERFILE_SYNTAX', `${path} is larger than ${MAX_DOCKERFILE_BYTES} bytes`)
    return { bytes: await readFile(path), file: file ?? shown(path, context.cwd), path }
  } catch (error) {
    if (file === undefined) await contextFolder(folder, context)
    if (isErrno(error, 'ENOENT') || isErrno(error, 'ENOTDIR'))
      throw new TsbuildError('DOCKERFILE_MISSING', `no Dockerfile at ${path}`, { hint: '-f names another file' })
    if (isErrno(error, 'EISDIR')) throw new TsbuildError('DOCKERFILE_MISSING', `${path} is a folder, not a Dockerfile`)
    throw error instanceof TsbuildError ? error : new TsbuildError('DOCKERFILE_MISSING', `cannot read ${path}`, { cause: error })
  }
}

function defaultDockerfile(folder: string): string {
  const path = join(folder, 'Dockerfile')
  return !existsSync(path) && existsSync(join(folder, 'dockerfile')) ? join(folder, 'dockerfile') : path
}

function shown(path: string, cwd: string): string {
  return path.startsWith(`${cwd}/`) ? path.slice(cwd.length + 1) : path
}

/** The context as a tree, without what its ignore file leaves out; `digests` are to be saved after the build. Throws CONTEXT_MISSING. */
export async function openContext(folder: string, dockerfile: DockerfileText, workspace: Workspace, context: Context) {
  const root = await contextFolder(folder, context)
  const digests = new FileDigests(workspace.store.root, workspace.native, context.now)
  const { ignore, ignoreFile } = await ignoreRulesOf(root, dockerfile.path, context)
  const tree = new DirectoryTree(bytesOfText(root), { native: workspace.native, digests, ignore, ignoreFile, signal: context.signal })
  return { tree, digests }
}

async function contextFolder(folder: string, { cwd }: Context): Promise<string> {
  const root = await realpath(resolve(cwd, folder)).catch((cause: unknown) => {
    throw new TsbuildError('CONTEXT_MISSING', `no build context at ${resolve(cwd, folder)}`, { cause, hint: 'give a folder that exists' })
  })
  if (statSync(root).isDirectory()) return root
  throw new TsbuildError('CONTEXT_MISSING', `the build context ${root} is no folder`, { hint: 'give a folder; -f names a Dockerfile' })
}

/** `<Dockerfile>.dockerignore` beside the Dockerfile, else `.dockerignore` in the context. */
async function ignoreRulesOf(root: string, dockerfile: string | undefined, { sources }: Context) {
  const candidates = [
    ...(dockerfile === undefined ? [] : [join(dirname(dockerfile), `${basename(dockerfile)}.dockerignore`)]),
    join(root, '.dockerignore'),
  ]
  for (const file of candidates) {
    const text = await readFile(file).catch((error: unknown) => {
      if (isErrno(error, 'ENOENT') || isErrno(error, 'ENOTDIR')) return undefined
      throw new TsbuildError('DOCKERIGNORE_SYNTAX', `cannot read ${file}`, { cause: error })
    })
    if (text === undefined) continue
    sources.set(file, text)
    return { ignore: readIgnore(text, file), ignoreFile: basename(file) }
  }
  return { ignore: readIgnore('', '.dockerignore'), ignoreFile: '.dockerignore' }
}
