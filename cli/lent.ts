import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Lent } from '../builder/deps.ts'
import { parseCsv } from '../builder/dockerfile/csv.ts'
import { isGitOverSsh } from '../builder/dockerfile/sources.ts'
import { MAX_SECRET_BYTES } from '../builder/steps/secrets.ts'
import { TsbuildError } from '../registry/oci/error.ts'
import type { Context } from './context.ts'
import { contextPlace } from './context-place.ts'

/** Where a step's ssh requests go: an agent that runs, or key files. */
type Agent = { readonly kind: 'socket'; readonly path: string } | { readonly kind: 'keys'; readonly paths: readonly string[] }

/** Nothing is lent. */
export const NOTHING_LENT: Lent = {
  secret: async () => undefined,
  hasAgent: () => false,
  device: async () => undefined,
  serveAgent: () => Promise.reject(new Error('no agent was given')),
}

/** TSBUILD_CDI_DIRS, separated by colons; else where administrators and drivers put them. */
function cdiFolders({ env }: Context): string[] {
  return env.TSBUILD_CDI_DIRS === undefined
    ? ['/etc/cdi', '/var/run/cdi']
    : env.TSBUILD_CDI_DIRS.split(':').filter((folder) => folder !== '')
}

interface LentOptions {
  readonly secret: readonly string[]
  readonly ssh: readonly string[]
}

/** --secret and --ssh. Secrets are read now, so that one that is not there is told before anything runs. Throws USAGE, SECRET_INVALID, SSH_MISSING. */
export function lentBy(options: LentOptions, context: Context): Lent {
  const secrets = new Map(options.secret.map((text) => readSecret(text, context)))
  const agents = new Map(options.ssh.map((text) => readAgent(text, context)))
  return {
    secret: async (id) => secrets.get(id),
    secretIds: [...secrets.keys()],
    hasAgent: (id) => agents.has(id),
    device: async (name) => (await import('../builder/sources/cdi.ts')).findDevice(name, cdiFolders(context)),
    serveAgent: async (id, path, signal) => {
      const agent = agents.get(id)
      if (agent === undefined) throw new Error(`no agent ${id}`)
      const { serveAgent } = await import('../builder/sources/ssh-agent.ts')
      if (agent.kind === 'socket') return serveAgent(agent.path, path, signal)
      const { startKeyAgent } = await import('../builder/sources/ssh-keys.ts')
      const keys = await startKeyAgent(agent.paths, `${path}-keys`, context.env.PATH)
      const served = await serveAgent(keys.socket, path, signal)
      return {
        async [Symbol.asyncDispose]() {
          await served[Symbol.asyncDispose]()
          await keys[Symbol.asyncDispose]()
        },
      }
    },
  }
}

/** `--ssh` of a command, or for a context over ssh the agent that runs, as in docker. */
export function sshFor(where: string, given: readonly string[], { env, cwd }: Context): readonly string[] {
  const place = contextPlace(where, cwd)
  const isLent = given.length > 0 || !env.SSH_AUTH_SOCK
  return !isLent && place.kind === 'git' && isGitOverSsh(place.url) ? ['default'] : given
}

/** `id=NAME[,src=FILE][,env=VARIABLE][,type=file|env]`; with an id alone the variable of that name, else the file of that name. */
function readSecret(text: string, context: Context): [id: string, value: Uint8Array] {
  const fields = fieldsOf(text, 'secret', ['id', 'src', 'source', 'env', 'type'])
  const id = fields.get('id')
  if (!id) throw usage(`--secret ${text}: an id is missing`, 'id=NAME,src=FILE or id=NAME,env=VARIABLE')
  const type = fields.get('type')
  if (type !== undefined && type !== 'file' && type !== 'env') throw usage(`--secret ${text}: type ${type} is not known`, 'file or env')
  const file = fields.get('src') ?? fields.get('source')
  const variable = fields.get('env') ?? (type === 'env' ? (file ?? id) : undefined)
  if (variable !== undefined) return [id, ofVariable(id, variable, context)]
  if (file === undefined && type === undefined && context.env[id] !== undefined) return [id, ofVariable(id, id, context)]
  return [id, ofFile(id, file ?? id, context)]
}

function ofVariable(id: string, name: string, { env }: Context): Uint8Array {
  const value = env[name]
  if (value === undefined) throw invalid(id, `the environment has no variable ${name}`)
  return checked(id, Buffer.from(value))
}

function ofFile(id: string, file: string, { cwd }: Context): Uint8Array {
  const path = resolve(cwd, file)
  try {
    if (statSync(path).isFile()) return checked(id, readFileSync(path))
  } catch (cause) {
    if (cause instanceof TsbuildError) throw cause
    throw invalid(id, `cannot read ${path}`, cause)
  }
  throw invalid(id, `${path} is no file`)
}

function checked(id: string, value: Uint8Array): Uint8Array {
  if (value.length <= MAX_SECRET_BYTES) return value
  throw invalid(id, `${value.length} bytes are more than a secret may have (${MAX_SECRET_BYTES})`)
}

function invalid(id: string, why: string, cause?: unknown): TsbuildError {
  return new TsbuildError('SECRET_INVALID', `secret ${id}: ${why}`, { cause, hint: '--secret id=NAME,src=FILE or id=NAME,env=VARIABLE' })
}

/** `default`, or `ID=SOCKET`, or `ID=KEY[,KEY...]`; without a path the agent of SSH_AUTH_SOCK. */
function readAgent(text: string, { env, cwd }: Context): [id: string, agent: Agent] {
  const equals = text.indexOf('=')
  const id = equals < 0 ? text : text.slice(0, equals)
  const paths =
    equals < 0
      ? []
      : text
          .slice(equals + 1)
          .split(',')
          .filter((path) => path !== '')
  if (id === '') throw usage(`--ssh ${JSON.stringify(text)}: an id is missing`, 'default, or default=SOCKET, or ID=KEY')
  const [first] = paths
  if (first === undefined) {
    if (!env.SSH_AUTH_SOCK) throw noAgent(text, 'SSH_AUTH_SOCK is not set')
    return [id, { kind: 'socket', path: socketAt(env.SSH_AUTH_SOCK, text) }]
  }
  const resolved = paths.map((path) => resolve(cwd, path))
  return [
    id,
    kindOf(resolved[0] ?? '', text) === 'socket' ? { kind: 'socket', path: resolved[0] ?? '' } : { kind: 'keys', paths: resolved },
  ]
}

function socketAt(path: string, text: string): string {
  if (kindOf(path, text) === 'socket') return path
  throw noAgent(text, `${path} is no socket`)
}

function kindOf(path: string, text: string): 'socket' | 'file' {
  try {
    return statSync(path).isSocket() ? 'socket' : 'file'
  } catch (cause) {
    throw noAgent(text, `cannot open ${path}`, cause)
  }
}

function noAgent(text: string, why: string, cause?: unknown): TsbuildError {
  return new TsbuildError('SSH_MISSING', `--ssh ${text}: ${why}`, { cause, hint: 'start ssh-agent, or name a key: --ssh default=FILE' })
}

function fieldsOf(text: string, flag: string, known: readonly string[]): Map<string, string> {
  const fields = parseCsv(text)
  if (fields === undefined) throw usage(`--${flag} ${text}: a quote is not closed`, `--${flag} id=NAME,src=FILE`)
  return new Map(
    fields.map((field): [string, string] => {
      const equals = field.indexOf('=')
      const key = (equals < 0 ? field : field.slice(0, equals)).toLowerCase()
      if (equals < 0 || !known.includes(key)) throw usage(`--${flag} ${text}: ${key} is not known`, `known: ${known.join(', ')}`)
      return [key, field.slice(equals + 1)]
    }),
  )
}

function usage(message: string, hint: string): TsbuildError {
  return new TsbuildError('USAGE', message, { hint })
}
