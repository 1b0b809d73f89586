import { type Digest, parseDigest } from '../../registry/oci/digest.ts'
import { TsbuildError } from '../../registry/oci/error.ts'
import type { Emit } from '../../registry/oci/event.ts'
import type { RetryOptions } from '../../registry/remote/retry.ts'
import type { Transport } from '../../registry/remote/transport.ts'
import type { Store } from '../../registry/store/store.ts'
import { type GitTree, gitTree } from './git.ts'
import type { GitSettings } from './git-command.ts'
import { checkCommit, type GitSource } from './git-url.ts'
import { fetchHttp, type HttpFile } from './http.ts'

export interface RemotesDeps extends GitSettings {
  readonly store: Store
  readonly transport: Transport
  readonly retry: RetryOptions
  readonly emit: Emit
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

  constructor(deps: RemotesDeps) {
    this.#deps = deps
  }

  /** See `fetchHttp`. Throws CHECKSUM_INVALID for one that is no digest. */
  async http(url: string, { step, checksum, signal }: RemoteOptions): Promise<HttpFile> {
    const { emit, insecure } = this.#deps
    const digest = checksum === undefined ? undefined : readChecksum(checksum)
    const onBytes = (current: number, total: number | undefined) => emit({ kind: 'transfer', step, id: url, current, total })
    return fetchHttp(url, { checksum: digest, signal, onBytes }, { ...this.#deps, insecure })
  }

  /** See `gitTree`. `checksum` and `keepGitDir` may also be in the URL, but may not say something else. */
  async git(
    source: GitSource,
    { step, checksum, signal, keepGitDir, label }: RemoteOptions & { readonly keepGitDir?: boolean | undefined; readonly label: string },
  ): Promise<GitTree> {
    const { emit, now } = { emit: this.#deps.emit, now: this.#deps.retry.now }
    if (checksum !== undefined) checkCommit(checksum)
    if (checksum !== undefined && source.checksum !== undefined && checksum !== source.checksum)
      throw new TsbuildError('GIT_URL', `--checksum=${checksum} conflicts with ${source.checksum} in the URL`)
    if (keepGitDir !== undefined && source.keepGitDir !== undefined && keepGitDir !== source.keepGitDir)
      throw new TsbuildError('GIT_URL', `--keep-git-dir=${keepGitDir} conflicts with keep-git-dir=${source.keepGitDir} in the URL`)
    const onProgress = finishedLines((line) => emit({ kind: 'log', step, stream: 'stderr', bytes: Buffer.from(`${line}\n`) }))
    const wanted = { ...source, checksum: checksum ?? source.checksum }
    return gitTree(wanted, { label, keepGitDir: keepGitDir ?? source.keepGitDir ?? false }, { ...this.#deps, signal, onProgress, now })
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
