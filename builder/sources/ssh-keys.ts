import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isErrno, TsbuildError } from '../../registry/oci/error.ts'

/** An agent of our own that holds key files. */
export interface KeyAgent extends AsyncDisposable {
  readonly socket: string
}

/**
 * Starts OpenSSH's agent on a new socket at `path` and gives it the keys; `searchPath` is where its programs are. It dies with this process (PR_SET_PDEATHSIG), however that ends.
 * Throws SSH_KEY for a key that cannot be read or has a passphrase, SSH_MISSING where OpenSSH's programs are not installed.
 */
export async function startKeyAgent(keys: readonly string[], path: string, searchPath: string | undefined): Promise<KeyAgent> {
  // By its name in its folder: a socket's path holds 107 bytes (unix(7)).
  const [cwd, name] = [dirname(path), basename(path)]
  // Debian's ssh-agent is set-group-ID, and the kernel forgets the signal when such a program starts with its group: prctl(2), PR_SET_PDEATHSIG.
  const agent = spawn('setpriv', ['--no-new-privs', '--pdeathsig', 'KILL', 'ssh-agent', '-D', '-a', name], {
    cwd,
    stdio: 'ignore',
    env: { PATH: searchPath },
  })
  try {
    await listening(agent, path)
    for (const key of keys) await addKey(key, { cwd, name, searchPath })
    return { socket: path, [Symbol.asyncDispose]: () => end(agent) }
  } catch (error) {
    await end(agent)
    throw error
  }
}

async function listening(agent: ChildProcess, path: string): Promise<void> {
  const failed = once(agent, 'error').then(([error]) => error as unknown)
  const ended = once(agent, 'exit').then(([code]) => code as unknown)
  for (;;) {
    if (existsSync(path)) return
    const what = await Promise.race([failed, ended, sleep(10)])
    if (what !== undefined) throw missing(what)
  }
}

function missing(cause: unknown): TsbuildError {
  return new TsbuildError('SSH_MISSING', 'keys for --ssh need ssh-agent and ssh-add', { cause, hint: 'apt-get install openssh-client' })
}

async function addKey(
  key: string,
  { cwd, name, searchPath }: { cwd: string; name: string; searchPath: string | undefined },
): Promise<void> {
  // Without a terminal and a program to ask with, a passphrase is refused and not waited for.
  const env = { PATH: searchPath, SSH_AUTH_SOCK: name, SSH_ASKPASS_REQUIRE: 'never' }
  const adding = spawn('ssh-add', ['-q', '--', key], { cwd, env, stdio: ['ignore', 'ignore', 'pipe'], detached: true })
  let text = ''
  adding.stderr.on('data', (piece: Buffer) => {
    text = (text + piece.toString()).slice(0, 1000)
  })
  const code = await Promise.race([
    once(adding, 'close').then(([status]) => status as number),
    once(adding, 'error').then(([error]) => error as Error),
  ])
  if (typeof code !== 'number') throw isErrno(code, 'ENOENT') ? missing(code) : code
  if (code !== 0)
    throw new TsbuildError('SSH_KEY', `cannot use the key ${key}: ${text.trim().split('\n')[0] || 'it has a passphrase'}`, {
      hint: 'give a key without a passphrase, or put it into an agent and use --ssh default',
    })
}

async function end(agent: ChildProcess): Promise<void> {
  if (agent.exitCode !== null || agent.signalCode !== null || agent.pid === undefined) return
  const gone = once(agent, 'exit')
  agent.kill('SIGTERM') // it removes its socket
  await gone
}
