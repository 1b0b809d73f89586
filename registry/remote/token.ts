import { looseObject, number, optional, string } from 'valibot'
import { TsbuildError } from '../oci/error.ts'
import type { Credential } from './credentials.ts'
import { readAnswer, readCapped, registryError } from './errors.ts'
import type { HttpRequest, HttpResponse } from './transport.ts'

const MAX_TOKEN_BYTES = 1 << 20
/** distribution's token specification: a token without `expires_in`, or with less, lives 60 seconds. */
const MIN_LIFE_SECONDS = 60
const CLIENT_ID = 'tsbuild'

const answerSchema = looseObject({
  token: optional(string()),
  access_token: optional(string()),
  expires_in: optional(number()),
})

export interface TokenRequest extends Pick<HttpRequest, 'guard' | 'insecure' | 'signal'> {
  readonly realm: URL
  readonly service: string | undefined
  readonly scopes: readonly string[]
  readonly credential: Credential | undefined
}

export interface Token {
  readonly value: string
  /** Milliseconds since the epoch by our clock, from when it was asked for: the server's clock may be wrong. */
  readonly expiresAt: number
}

export interface TokenDeps {
  /** Sends with retries and redirects. */
  readonly send: (request: HttpRequest) => Promise<HttpResponse>
  readonly now: () => number
}

/**
 * A token for `scopes` from the realm of a Bearer challenge: GET with Basic for a password, POST of the refresh token for an identity token, and GET
 * where the server has no POST. Throws REGISTRY_DENIED, REGISTRY_ERROR. docs.docker.com/registry/spec/auth/{token,oauth}.
 */
export async function fetchToken(request: TokenRequest, { send, now }: TokenDeps): Promise<Token> {
  const asked = now()
  let response = request.credential?.kind === 'identity-token' ? await send(postRequest(request, request.credential.token)) : undefined
  if (response !== undefined && (response.status === 404 || response.status === 405)) {
    await response.discard()
    response = undefined
  }
  response ??= await send(getRequest(request))
  const what = `token for ${request.scopes.join(' ') || 'the registry'}`
  if (response.status !== 200) throw await registryError(response, what)
  const answer = readAnswer(answerSchema, await readCapped(response, MAX_TOKEN_BYTES), `${what} from ${request.realm.host}`)
  const value = answer.token || answer.access_token || ''
  // What goes into a header must not end it.
  if (!/^[\x21-\x7e]+$/.test(value)) throw new TsbuildError('REGISTRY_ERROR', `${what}: ${request.realm.host} answered without a token`)
  return { value, expiresAt: asked + Math.max(MIN_LIFE_SECONDS, answer.expires_in ?? 0) * 1000 }
}

export function basicAuthorization(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

function getRequest({ realm, service, scopes, credential, ...rest }: TokenRequest): HttpRequest {
  const url = new URL(realm)
  if (service !== undefined) url.searchParams.set('service', service)
  for (const scope of scopes) url.searchParams.append('scope', scope)
  const authorization = basicOf(credential)
  return { ...rest, method: 'GET', url, headers: authorization === undefined ? {} : { authorization } }
}

function basicOf(credential: Credential | undefined): string | undefined {
  if (credential?.kind === 'password') return basicAuthorization(credential.username, credential.password)
  if (credential?.kind === 'identity-token' && credential.username !== undefined)
    return basicAuthorization(credential.username, credential.token)
  return undefined
}

function postRequest({ realm, service, scopes, credential: _, ...rest }: TokenRequest, refreshToken: string): HttpRequest {
  const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken, client_id: CLIENT_ID })
  if (service !== undefined) form.set('service', service)
  if (scopes.length > 0) form.set('scope', scopes.join(' '))
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return { ...rest, method: 'POST', url: realm, headers, body: Buffer.from(form.toString()) }
}
