import type { AddressClass } from './address.ts'
import { type Challenge, parseChallenges } from './challenge.ts'
import type { Credential, Credentials } from './credentials.ts'
import { checkRealm } from './realm.ts'
import { covers, resourceOf, type Scope, union } from './scope.ts'
import { basicAuthorization, fetchToken, type Token, type TokenDeps } from './token.ts'
import type { HttpResponse } from './transport.ts'

/** A token this close to its end is not used any more: an upload may take its time. */
const MARGIN_MS = 10_000

export interface AuthorizerOptions {
  /** `host[:port]` as the user wrote it: the key of the credentials. */
  readonly registry: string
  readonly base: URL
  readonly insecure: boolean
  readonly credentials: Pick<Credentials, 'find'> | undefined
  /** Hosts of token servers that may get the credentials of any registry. */
  readonly trustedRealms: readonly string[]
}

export interface AuthorizerDeps extends TokenDeps {
  /** Class of the registry's own address: its token server may not be more private. */
  readonly reach: () => AddressClass
}

interface Grant extends Token {
  readonly scopes: readonly Scope[]
}

/** What to say in the Authorization header of one registry. Remembers its challenge, the tokens and what they allow. */
export class Authorizer {
  readonly #options: AuthorizerOptions
  readonly #deps: AuthorizerDeps
  #challenge: Challenge | undefined
  #asked: Scope[] = []
  #grants: Grant[] = []
  readonly #pending = new Map<string, Promise<Grant>>()
  readonly #credentials = new Map<string, Promise<Credential | undefined>>()
  /** The token server that was not trusted with the credentials there are. */
  withheldFrom: string | undefined

  constructor(options: AuthorizerOptions, deps: AuthorizerDeps) {
    this.#options = options
    this.#deps = deps
  }

  /** The header for a request that needs `scopes`; undefined while the registry has not asked for one, or when there is nothing to say. */
  async header(scopes: readonly Scope[], signal?: AbortSignal): Promise<string | undefined> {
    if (this.#challenge === undefined) return undefined
    const credential = await this.#credentialFor(scopes)
    if (this.#challenge.scheme === 'basic') {
      return credential?.kind === 'password' ? basicAuthorization(credential.username, credential.password) : undefined
    }
    if (credential?.kind === 'registry-token') return `Bearer ${credential.token}`
    return `Bearer ${(await this.#grantFor(scopes, credential, signal)).value}`
  }

  /** Takes in a 401 to a request that had `sent` as its header. True when another try, with the header there is now, makes sense. */
  async challenged(response: HttpResponse, sent: string | undefined, scopes: readonly Scope[], signal?: AbortSignal): Promise<boolean> {
    if (!this.remember(response)) return false
    this.#grants = this.#grants.filter(({ value }) => sent !== `Bearer ${value}`)
    const header = await this.header(scopes, signal)
    return header !== undefined && header !== sent
  }

  /** Notes how the registry wants to be authenticated with; false when in no way we know. */
  remember(response: HttpResponse): boolean {
    const challenges = parseChallenges(response.headers['www-authenticate'])
    const bearer = challenges.find(({ scheme, params }) => scheme === 'bearer' && params.realm !== undefined)
    const next = bearer ?? challenges.find(({ scheme }) => scheme === 'basic')
    this.#challenge = next ?? this.#challenge
    return next !== undefined
  }

  async #grantFor(scopes: readonly Scope[], credential: Credential | undefined, signal?: AbortSignal): Promise<Grant> {
    this.#asked = union([...this.#asked, ...scopes])
    const resources = new Set(scopes.map(resourceOf))
    // All that was ever asked of these repositories: a pull in the middle of a push needs no token of its own.
    const wanted = this.#asked.filter((scope) => resources.has(resourceOf(scope)))
    const now = this.#deps.now()
    const known = this.#grants.find((grant) => covers(grant.scopes, wanted) && grant.expiresAt - MARGIN_MS > now)
    if (known !== undefined) return known
    const key = wanted.join(' ')
    const pending = this.#pending.get(key) ?? this.#fetch(wanted, credential, signal).finally(() => this.#pending.delete(key))
    this.#pending.set(key, pending)
    return pending
  }

  async #fetch(scopes: readonly Scope[], credential: Credential | undefined, signal?: AbortSignal): Promise<Grant> {
    const { base, insecure, trustedRealms } = this.#options
    const { realm = '', service } = this.#challenge?.params ?? {}
    const { url, trusted } = checkRealm(base, realm, trustedRealms)
    if (!trusted && credential !== undefined) this.withheldFrom = url.host
    const guard = url.origin === base.origin ? undefined : this.#deps.reach()
    const token = await fetchToken(
      { realm: url, service, scopes, credential: trusted ? credential : undefined, guard, insecure, signal },
      this.#deps,
    )
    const grant = { ...token, scopes }
    this.#grants = [grant, ...this.#grants.filter((old) => !covers(scopes, old.scopes))]
    return grant
  }

  #credentialFor(scopes: readonly Scope[]): Promise<Credential | undefined> {
    // The first scope is what the request is about; a further one is where a blob is mounted from.
    const repository = scopes[0] === undefined ? '' : resourceOf(scopes[0])
    const known = this.#credentials.get(repository)
    const found = known ?? this.#options.credentials?.find(this.#options.registry, repository) ?? Promise.resolve(undefined)
    this.#credentials.set(repository, found)
    return found
  }
}
