import { type FileHandle, open } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { TsbuildError } from '../../registry/oci/error.ts'
import type { Store } from '../../registry/store/store.ts'
import type { Lent } from '../deps.ts'

interface Serving {
  readonly served: AsyncDisposable
  readonly folder: FileHandle
  readonly socket: string
}

/** What git over ssh signs with: the agent of `--ssh default`, served from the first time that it is asked for until this is disposed of. */
export class GitAgent implements AsyncDisposable {
  readonly #store: Store
  readonly #lent: Pick<Lent, 'hasAgent' | 'serveAgent'>
  readonly #signal: AbortSignal
  #serving: Promise<Serving> | undefined

  constructor(store: Store, lent: Pick<Lent, 'hasAgent' | 'serveAgent'>, signal: AbortSignal) {
    this.#store = store
    this.#lent = lent
    this.#signal = signal
  }

  /** Path of its socket. Throws SSH_MISSING where no agent was lent. */
  async socket(): Promise<string> {
    this.#serving ??= this.#serve()
    return (await this.#serving).socket
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const serving = await this.#serving?.catch(() => undefined)
    await serving?.served[Symbol.asyncDispose]()
    await serving?.folder.close()
  }

  async #serve(): Promise<Serving> {
    if (!this.#lent.hasAgent('default')) throw noAgent()
    const path = await this.#store.temporary()
    const served = await this.#lent.serveAgent('default', path, this.#signal)
    // A socket's path holds 107 bytes (unix(7)); by way of our descriptor of its folder it is short.
    const folder = await open(dirname(path), 'r')
    return { served, folder, socket: `/proc/${process.pid}/fd/${folder.fd}/${basename(path)}` }
  }
}

/** Of a repository over ssh that nobody lent an agent for. */
export function noAgent(at?: TsbuildError['at']): TsbuildError {
  return new TsbuildError('SSH_MISSING', 'a repository over ssh needs an agent or a key, and none was given', {
    at,
    hint: 'give it: --ssh default, or --ssh default=FILE',
  })
}
