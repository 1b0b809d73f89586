import { spawn } from 'node:child_process'
import { isErrno, TsbuildError } from '../../registry/oci/error.ts'
import { clean } from '../../registry/remote/errors.ts'
import { environmentFor } from './git-environment.ts'
import type { GitRemote } from './git-url.ts'
import { MAX_SOURCE_BYTES } from './spool.ts'

export interface GitSettings {
  /** PATH, proxies and certificate authorities of the user; nothing else of it reaches git. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Certificates are not verified. */
  readonly insecure: boolean
  /** Path of the socket where the agent of ssh answers. Throws SSH_MISSING. */
  readonly agent: () => Promise<string>
}

export interface GitRun {
  /** Whom this command may speak to; nobody when undefined. */
  readonly remote?: GitRemote | undefined
  /** The one exception: a fetch from a repository of the store, by its path. */
  readonly ownRepository?: boolean
  readonly signal: AbortSignal
  /** Each piece of standard output as it comes, instead of `stdout`; what it throws ends git. */
  readonly onOutput?: (chunk: Buffer) => void
  readonly onProgress?: ((text: string) => void) | undefined
}

const MAX_OUTPUT_BYTES = 64 * 2 ** 20
const MAX_ERROR_BYTES = 16 * 2 ** 10
/** Without a byte on standard output or error for so long git is taken for dead: it reports progress all the time. */
const IDLE_MS = 10 * 60_000
/** ulimit(1p), -f: in blocks of 512 bytes. */
const MAX_BLOCKS = String(MAX_SOURCE_BYTES / 512)
/** What the user's own git may be told to run, and where it may look for more, does not count here: git-config(1). */
const SETTINGS = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.askPass=',
  'core.pager=cat',
  'core.symlinks=true',
  'core.protectNTFS=false',
  'credential.helper=',
  'init.templateDir=',
  'init.defaultBranch=main',
  'gc.auto=0',
  'maintenance.auto=false',
  'fetch.fsckObjects=false',
  'fetch.writeCommitGraph=false',
  'submodule.recurse=false',
  'advice.detachedHead=false',
  'tar.umask=0022',
  'http.lowSpeedLimit=1000',
  'http.lowSpeedTime=60',
  'protocol.allow=never',
]

/**
 * Runs git to its end and gives its standard output. It asks nothing, runs no hook and no helper, reads no configuration of the user or the machine, and
 * speaks the protocol of `remote` only. Throws GIT_MISSING, GIT_FAILED (its last words in the message), SOURCE_TOO_LARGE, SSH_MISSING.
 */
export async function git(args: readonly string[], settings: GitSettings, run: GitRun): Promise<Buffer> {
  const allowed = protocolsOf(run)
  const agent = run.remote?.protocol === 'ssh' ? { SSH_AUTH_SOCK: await settings.agent() } : {}
  const options = [...SETTINGS, ...allowed.map((name) => `protocol.${name}.allow=always`)].flatMap((setting) => ['-c', setting])
  const script = 'ulimit -f "$1" && ulimit -c 0 && shift && exec git "$@"'
  const child = spawn('/bin/sh', ['-c', script, 'git', MAX_BLOCKS, ...options, ...args], {
    cwd: '/',
    env: { ...environmentFor(settings, run, allowed), ...agent },
    detached: true, // a process group, so that its transport ends with it
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const stop = () => {
    if (child.pid !== undefined) killGroup(child.pid)
  }
  let failure: unknown
  const fail = (error: unknown) => {
    failure ??= error
    stop()
  }
  const idle = setTimeout(
    () => fail(new TsbuildError('GIT_FAILED', `git ${args[0]}: no sign of life for ${IDLE_MS / 60_000} minutes`)),
    IDLE_MS,
  )
  const onAbort = () => fail(run.signal.reason)
  if (run.signal.aborted) onAbort()
  run.signal.addEventListener('abort', onAbort, { once: true })
  const output: Buffer[] = []
  let size = 0
  let words = ''
  child.stdout.on('data', (chunk: Buffer) => {
    idle.refresh()
    size += chunk.length
    try {
      if (run.onOutput !== undefined) run.onOutput(chunk)
      else if (size > MAX_OUTPUT_BYTES)
        throw new TsbuildError('SOURCE_TOO_LARGE', `git ${args[0]} says more than ${MAX_OUTPUT_BYTES} bytes`)
      else output.push(chunk)
    } catch (error) {
      fail(error)
    }
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    idle.refresh()
    words = (words + text).slice(-MAX_ERROR_BYTES)
    run.onProgress?.(text)
  })
  try {
    const [status, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (...ended) => resolve(ended))
    })
    if (failure !== undefined) throw failure
    if (status !== 0) throw failed(args, { status, signal, words })
    return Buffer.concat(output)
  } catch (error) {
    if (isErrno(error, 'ENOENT')) throw missing(error)
    throw error
  } finally {
    clearTimeout(idle)
    run.signal.removeEventListener('abort', onAbort)
  }
}

/** https never leads to http; the others lead nowhere. */
function protocolsOf({ remote, ownRepository }: GitRun): readonly string[] {
  if (ownRepository === true) return ['file']
  if (remote === undefined) return []
  return remote.protocol === 'http' ? ['http', 'https'] : [remote.protocol]
}

interface Ending {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly words: string
}

function failed(args: readonly string[], { status, signal, words }: Ending): TsbuildError {
  if (status === 127 && /not found/.test(words)) return missing(undefined)
  if (signal === 'SIGXFSZ' || status === 128 + 25 || /File too large/.test(words))
    return new TsbuildError('SOURCE_TOO_LARGE', `the repository is larger than ${MAX_SOURCE_BYTES} bytes`)
  const lines = words
    .split(/[\r\n]+/)
    .filter((line) => /^(?:fatal|error|remote|ssh|warning): |^[^ ].*(?:denied|refused|failed)/i.test(line))
  const why = clean(lines.slice(-3).join('; '))
  return new TsbuildError(
    'GIT_FAILED',
    `git ${args.find((arg) => /^[a-z]/.test(arg))} failed${why === '' ? ` (${signal ?? status})` : `: ${why}`}`,
    {
      hint: hintOf(words),
    },
  )
}

function hintOf(words: string): string | undefined {
  if (/could not read (?:Username|Password)|Authentication failed|terminal prompts disabled|askpass/i.test(words))
    return 'the server wants credentials, or the repository is not there: --secret id=GIT_AUTH_TOKEN,env=VARIABLE, or ssh with a key'
  if (/returned error: 30[12378]/.test(words)) return 'credentials do not follow a redirect: name the address that it leads to'
  if (/Host key verification failed/.test(words)) return 'put the key of the server into ~/.ssh/known_hosts'
  if (/Permission denied \(/.test(words))
    return 'the server takes none of the keys of --ssh default: ssh-add one, or name one: --ssh default=FILE'
  return undefined
}

function missing(cause: unknown): TsbuildError {
  return new TsbuildError('GIT_MISSING', 'a git repository cannot be fetched: there is no git program', { hint: 'install git', cause })
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    if (!isErrno(error, 'ESRCH')) throw error
  }
}
