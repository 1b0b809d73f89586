import { writeFile } from 'node:fs/promises'
import { type Digest, parseDigest } from '../../registry/oci/digest.ts'
import { TsbuildError } from '../../registry/oci/error.ts'
import type { Emit } from '../../registry/oci/event.ts'
import type { RetryOptions } from '../../registry/remote/retry.ts'
import { authoritiesPem } from '../../registry/remote/tls.ts'
import type { Transport } from '../../registry/remote/transport.ts'
import { showUrl } from '../../registry/remote/transport-error.ts'
import type { Store } from '../../registry/store/store.ts'
import type { Lent } from '../deps.ts'
import { type GitTree, gitTree } from './git.ts'
import { GitAgent } from './git-agent.ts'
import type { GitSettings } from './git-command.ts'
import { checkCommit, type GitRemote, type GitSource } from './git-url.ts'
import { fetchHttp, type HttpFile, readHttpUrl } from './http.ts'
import { authorizationFor, gitAuthorizationFor } from './http-secret.ts'

export interface RemotesDeps extends Pick<GitSettings, 'env' | 'insecure'> {
  /** PEM files of further authorities. */
  readonly caFiles: readonly string[]
  readonly store: Store
  readonly transport: Transport
  readonly retry: RetryOptions
  readonly emit: Emit
  readonly lent: Lent
}

const MAX_LINE = 64 << 10

export interface RemoteOptions {
  /** The step that this is for, for progress. */
  readonly step: string
  /** As `--checksum` has it. */
  readonly checksum?: string | undefined
  readonly signal: AbortSignal
}

/** Content from servers, by digest and by commit: the only part of the builder that reaches outside. */
export class Remotes implements AsyncDisposable {
  readonly #deps: RemotesDeps
  #gitEnv: Promise<GitSettings['env']> | undefined

  constructor(deps: RemotesDeps) {
    this.#deps = deps
  }

  /** See `fetchHttp`. Throws CHECKSUM_INVALID for one that is no digest. */
  async http(url: string, { step, checksum, signal }: RemoteOptions): Promise<HttpFile> {
    const { emit, insecure, lent } = this.#deps
    const digest = checksum === undefined ? undefined : readChecksum(checksum)
    const shown = showUrl(readHttpUrl(url))
    const onBytes = (current: number, total: number | undefined) => emit({ kind: 'transfer', step, id: shown, current, total })
    const authorization = await authorizationFor(readHttpUrl(url), lent.secret)
    return fetchHttp(url, { checksum: digest, authorization, signal, onBytes }, { ...this.#deps, insecure })
  }

  /** See `gitTree`. `checksum` and `keepGitDir` may also be in the URL, but may not say something else. */
  async git(
    source: GitSource,
    { step, checksum, signal, keepGitDir, label }: RemoteOptions & { readonly keepGitDir?: boolean | undefined; readonly label: string },
  ): Promise<GitTree> {
    const { emit, store, lent, retry } = this.#deps
    if (checksum !== undefined) checkCommit(checksum)
    if (checksum !== undefined && source.checksum !== undefined && checksum !== source.checksum)
      throw new TsbuildError('GIT_URL', `--checksum=${checksum} conflicts with ${source.checksum} in the URL`)
    if (keepGitDir !== undefined && source.keepGitDir !== undefined && keepGitDir !== source.keepGitDir)
      throw new TsbuildError('GIT_URL', `--keep-git-dir=${keepGitDir} conflicts with keep-git-dir=${source.keepGitDir} in the URL`)
    const onProgress = finishedLines((line) => emit({ kind: 'log', step, stream: 'stderr', bytes: Buffer.from(`${line}\n`) }))
    this.#gitEnv ??= this.#environment()
    const env = await this.#gitEnv
    const wanted = { ...source, remote: await this.#entrusted(source.remote), checksum: checksum ?? source.checksum }
    await using agent = new GitAgent(store, lent, signal)
    const deps = { ...this.#deps, env, agent: () => agent.socket(), signal, onProgress, now: retry.now }
    return await gitTree(wanted, { label, keepGitDir: keepGitDir ?? source.keepGitDir ?? false }, deps)
  }

  /** With what a secret says for its server, which goes before what its URL says. */
  async #entrusted(remote: GitRemote): Promise<GitRemote> {
    if (remote.protocol !== 'https' && remote.protocol !== 'http') return remote
    const authorization = await gitAuthorizationFor(new URL(remote.url), this.#deps.lent.secret)
    return authorization === undefined ? remote : { ...remote, authorization }
  }

  /** git takes authorities as one file, which replaces the system's. */
  async #environment(): Promise<GitSettings['env']> {
    const { env, caFiles, store } = this.#deps
    if (caFiles.length === 0) return env
    const path = await store.temporary()
    await writeFile(path, await authoritiesPem(env, caFiles), { mode: 0o600 })
    return { ...env, SSL_CERT_FILE: path }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#deps.transport[Symbol.asyncDispose]()
  }
}

/** Of a progress display the last state of each line, once it is there. */
function finishedLines(say: (line: string) => void): (text: string) => void {
  let rest = ''
  return (text) => {
    const lines = (rest + text).slice(-MAX_LINE).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) say((line.split('\r').at(-1) ?? '').trimEnd())
  }
}

/** BuildKit knows sha256 alone here. Throws CHECKSUM_INVALID. */
export function readChecksum(text: string): Digest {
  if (/^sha256:[0-9a-f]{64}$/.test(text)) return parseDigest(text)
  throw new TsbuildError('CHECKSUM_INVALID', `not a checksum: ${JSON.stringify(text.slice(0, 200))}`, {
    hint: '--checksum=sha256: and 64 lower-case hexadecimal digits',
  })
}
