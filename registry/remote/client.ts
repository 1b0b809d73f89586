import { hasCode, TsbuildError } from '../oci/error.ts'
import { isLoopbackHost } from './address.ts'
import { Authorizer } from './auth.ts'
import type { Credentials } from './credentials.ts'
import { registryError } from './errors.ts'
import { follow, sentTo } from './redirect.ts'
import { type RetryOptions, withRetry } from './retry.ts'
import type { Scope } from './scope.ts'
import type { HttpRequest, HttpResponse, Transport } from './transport.ts'

/** A repository of a registry, as references name them. */
export interface Repository {
  readonly registry: string
  readonly repository: string
}

export interface ClientOptions {
  readonly transport: Transport
  /** Absent: anonymous. */
  readonly credentials?: Pick<Credentials, 'find'> | undefined
  /** Registries (`host[:port]`), or all, of which the user says: plain http and unverified certificates are fine. */
  readonly insecure?: readonly string[] | 'all' | undefined
  /** Hosts of token servers that may get credentials although their domain is not the registry's. */
  readonly trustedRealms?: readonly string[] | undefined
  readonly retry: RetryOptions
}

/** One request to a registry. */
export interface Call {
  readonly method: string
  /** A path below the registry's root, or a URL that the registry named (an upload's Location). */
  readonly to: string | URL
  readonly scopes: readonly Scope[]
  readonly headers?: HttpRequest['headers']
  readonly body?: HttpRequest['body']
  /** False where a second sending could do harm or is pointless. Default true. */
  readonly retry?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

interface Endpoint {
  readonly base: URL
  readonly insecure: boolean
  readonly authorizer: Authorizer
}

const MAX_REAUTHS = 2

/** The distribution protocol towards any number of registries: scheme, authentication, retries and redirects are settled here. */
export class RegistryClient implements AsyncDisposable {
  readonly #options: ClientOptions
  readonly #endpoints = new Map<string, Promise<Endpoint>>()

  constructor(options: ClientOptions) {
    this.#options = options
  }

  get retry(): RetryOptions {
    return this.#options.retry
  }

  /** The answer, whatever its status, after authentication. Throws what `Transport.send`, redirects and tokens throw. */
  async request(registry: string, call: Call): Promise<HttpResponse> {
    const endpoint = await this.#endpoint(registry, call.signal)
    for (let tried = 0; ; tried++) {
      const sent = await endpoint.authorizer.header(call.scopes, call.signal)
      const request = this.#requestFor(endpoint, call, sent)
      const response = await this.#exchange(request, call)
      // A place the registry sent us to may not ask for its credentials.
      if (response.status !== 401 || response.url.origin !== endpoint.base.origin || tried === MAX_REAUTHS) return response
      if (!(await endpoint.authorizer.challenged(response, sent, call.scopes, call.signal))) return response
      await response.discard()
    }
  }

  /** Root URL of the registry, its scheme found out. */
  async base(registry: string, signal?: AbortSignal): Promise<URL> {
    return (await this.#endpoint(registry, signal)).base
  }

  /** The error for an unexpected answer. */
  async failure(registry: string, response: HttpResponse, what: string): Promise<TsbuildError> {
    const error = await registryError(response, what)
    const { authorizer } = await this.#endpoint(registry)
    if (error.code !== 'REGISTRY_DENIED' || authorizer.withheldFrom === undefined) return error
    return new TsbuildError(error.code, error.message, {
      hint: `credentials were not sent to the token server ${authorizer.withheldFrom}, of another domain; TSBUILD_TRUSTED_REALMS=${authorizer.withheldFrom} allows it`,
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#options.transport[Symbol.asyncDispose]()
  }

  #requestFor(endpoint: Endpoint, call: Call, authorization: string | undefined): HttpRequest {
    const { method, headers, body, signal } = call
    const { base, insecure } = endpoint
    const auth = authorization === undefined ? {} : { authorization }
    const request = { method, url: base, headers: { ...headers, ...auth }, body, insecure, signal }
    if (typeof call.to === 'string') return { ...request, url: new URL(call.to, base) }
    return sentTo(this.#options.transport, request, base.origin, call.to)
  }

  async #exchange(request: HttpRequest, call: Call): Promise<HttpResponse> {
    const send = () => follow(this.#options.transport, request)
    return call.retry === false ? send() : withRetry(send, this.#options.retry, call.signal)
  }

  #endpoint(registry: string, signal?: AbortSignal): Promise<Endpoint> {
    const known = this.#endpoints.get(registry)
    if (known !== undefined) return known
    const found = this.#discover(registry, signal)
    this.#endpoints.set(registry, found)
    found.catch(() => this.#endpoints.delete(registry))
    return found
  }

  /** https always; where plain http would be acceptable it is tried only when the other side cannot speak TLS. */
  async #discover(registry: string, signal?: AbortSignal): Promise<Endpoint> {
    const host = registry === 'docker.io' ? 'registry-1.docker.io' : registry
    const allowed = this.#options.insecure
    const insecure = allowed === 'all' || (allowed?.includes(registry) ?? false)
    const secure = this.#endpointAt(registry, new URL(`https://${host}`), insecure)
    if (!insecure && !isLoopbackHost(secure.base.hostname)) {
      await this.#ping(secure, signal)
      return secure
    }
    try {
      await this.#ping(secure, signal, 1)
      return secure
    } catch (error) {
      const silent = hasCode(error, 'TLS_FAILED') || hasCode(error, 'CONNECTION_LOST')
      // Nobody at the https port says nothing about the http port, unless the user named one port for both.
      if (!silent && !(hasCode(error, 'REGISTRY_UNREACHABLE') && secure.base.port === '')) throw error
    }
    const plain = this.#endpointAt(registry, new URL(`http://${host}`), insecure)
    await this.#ping(plain, signal)
    return plain
  }

  #endpointAt(registry: string, base: URL, insecure: boolean): Endpoint {
    const { transport, credentials, trustedRealms = [], retry } = this.#options
    const authorizer = new Authorizer(
      { registry, base, insecure, credentials, trustedRealms },
      {
        send: (request) => withRetry(() => follow(transport, request), retry, request.signal),
        now: retry.now,
        reach: () => transport.reachOf(base.origin),
      },
    )
    return { base, insecure, authorizer }
  }

  /** Learns how the registry wants to be authenticated with, before many requests at once would each find out. */
  async #ping({ base, insecure, authorizer }: Endpoint, signal?: AbortSignal, tries?: number): Promise<void> {
    const request = { method: 'GET', url: new URL('/v2/', base), insecure, signal }
    const { transport, retry } = this.#options
    const response = await withRetry(() => follow(transport, request), tries === undefined ? retry : { ...retry, tries }, signal)
    if (response.status === 401 && response.url.origin === base.origin) authorizer.remember(response)
    await response.discard()
  }
}
