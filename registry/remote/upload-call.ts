import type { Descriptor } from '../oci/descriptor.ts'
import { hasCode, TsbuildError } from '../oci/error.ts'
import type { RegistryClient, Repository } from './client.ts'
import { headerOf } from './manifests.ts'
import { leadsTo } from './redirect.ts'
import { pullScope, pushScope, type Scope } from './scope.ts'
import type { HttpBody, HttpResponse } from './transport.ts'

/** What is uploaded, and where to. */
export interface UploadTarget {
  readonly client: RegistryClient
  readonly at: Repository
  readonly blob: Descriptor
  readonly signal?: AbortSignal | undefined
}

/** An upload under way: where it goes on, and how many bytes the registry has. */
export interface Session {
  readonly location: URL
  readonly offset: number
}

interface UploadCall {
  readonly headers?: Record<string, string>
  readonly body?: Uint8Array | HttpBody
  /** Only for what can be sent twice without harm. */
  readonly retry?: boolean
  readonly scopes?: readonly Scope[]
}

/** One request of the upload protocol. */
export function callUpload(target: UploadTarget, method: string, to: string | URL, call: UploadCall = {}): Promise<HttpResponse> {
  const { client, at, signal } = target
  const { headers, body, retry = false, scopes = [pushScope(at.repository)] } = call
  return client.request(at.registry, { method, to, scopes, headers, body, retry, signal })
}

/** Asks for a blob to be taken over from another repository of the registry; its answer, or undefined where that may not be read. */
export async function callMount(target: UploadTarget, from: string): Promise<HttpResponse | undefined> {
  const query = new URLSearchParams({ mount: target.blob.digest, from })
  const scopes = [pushScope(target.at.repository), pullScope(from)]
  try {
    return await callUpload(target, 'POST', `/v2/${target.at.repository}/blobs/uploads/?${query}`, { retry: true, scopes })
  } catch (error) {
    // The token server said no.
    if (hasCode(error, 'REGISTRY_DENIED')) return undefined
    throw error
  }
}

/** How far an upload is, and where it goes on; undefined when the registry does not know it, or has nothing of it. */
export async function askUpload(target: UploadTarget, location: URL): Promise<Session | undefined> {
  const response = await callUpload(target, 'GET', location, { retry: true })
  const known = response.status === 204 || response.status === 202 || response.status === 200
  const offset = known ? receivedOf(response) : undefined
  const next = headerOf(response, 'location')
  await response.discard()
  // `0-0` is one byte with some and none with others; a new upload costs less than finding out.
  if (offset === undefined || offset <= 1 || offset > target.blob.size) return undefined
  return { location: next === undefined ? location : leadsTo(response.url, next), offset }
}

/** Where the registry says that an upload goes on. Throws UPLOAD_FAILED, REDIRECT_REFUSED. */
export function locationOf(target: UploadTarget, response: HttpResponse): URL {
  const location = headerOf(response, 'location')
  if (location === undefined) throw uploadError(target, 'the registry named no place to send it to')
  return leadsTo(response.url, location)
}

/** Bytes the registry has, from `Range: 0-N` (without a unit in this protocol, though some write `bytes=`). */
export function receivedOf(response: HttpResponse): number | undefined {
  const match = /^(?:bytes=)?0-(\d{1,15})$/.exec(headerOf(response, 'range') ?? '')
  return match === null ? undefined : Number(match[1]) + 1
}

export function uploadError({ at, blob }: UploadTarget, why: string): TsbuildError {
  return new TsbuildError('UPLOAD_FAILED', `upload of ${blob.digest} to ${at.registry}/${at.repository}: ${why}`)
}
