import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { TsbuildError } from '../oci/error.ts'
import type { RegistryClient, Repository } from './client.ts'
import { headerOf } from './manifests.ts'
import { pullScope, pushScope } from './scope.ts'
import type { HttpResponse } from './transport.ts'

/** The rest of a blob from byte `start`: what was asked for, or 0. The bytes are not verified. */
export interface BlobBody {
  readonly start: number
  readonly body: AsyncIterable<Uint8Array>
  discard(): Promise<void>
}

/** Is the blob in this repository, to which it is going to be pushed? distribution-spec v1.1, "Checking if content exists". */
export async function hasBlob(client: RegistryClient, at: Repository, digest: Digest, signal?: AbortSignal): Promise<boolean> {
  // The scope of the whole push: one token does for all of it.
  const response = await client.request(at.registry, { method: 'HEAD', to: pathOf(at, digest), scopes: [pushScope(at.repository)], signal })
  await response.discard()
  if (response.status === 200) return true
  if (response.status === 404) return false
  // HEAD of a blob redirects to storage that may know only GET; then it is sent again, which is right, if slow.
  if (response.url.origin !== (await client.base(at.registry)).origin) return false
  throw await client.failure(at.registry, response, `push to ${at.registry}/${at.repository} (blob ${digest})`)
}

/**
 * Opens a blob from byte `offset` on; from 0 where the server has no ranges. Throws NOT_FOUND, BLOB_MISMATCH when its length is said to be another,
 * and what requests throw. distribution-spec v1.1, "Pulling blobs".
 */
export async function openBlob(
  client: RegistryClient,
  at: Repository,
  { blob, offset, signal }: { blob: Descriptor; offset: number; signal?: AbortSignal | undefined },
): Promise<BlobBody> {
  const headers = offset === 0 ? {} : { range: `bytes=${offset}-${blob.size - 1}` }
  const call = { method: 'GET', to: pathOf(at, blob.digest), scopes: [pullScope(at.repository)], headers, signal }
  const response = await client.request(at.registry, call)
  if (response.status === 416 && offset > 0) {
    await response.discard()
    return openBlob(client, at, { blob, offset: 0, signal })
  }
  if (response.status !== 200 && response.status !== 206) {
    throw await client.failure(at.registry, response, `blob ${blob.digest} of ${at.registry}/${at.repository}`)
  }
  const start = response.status === 206 ? startOf(response) : 0
  if (start !== 0 && start !== offset) {
    await response.discard()
    if (offset > 0) return openBlob(client, at, { blob, offset: 0, signal })
    throw new TsbuildError('REGISTRY_ERROR', `blob ${blob.digest}: ${response.url.host} sent a part that was not asked for`)
  }
  const length = Number(headerOf(response, 'content-length') ?? Number.NaN)
  if (start + length > blob.size || (response.status === 200 && length < blob.size)) {
    await response.discard()
    throw new TsbuildError('BLOB_MISMATCH', `${blob.digest}: ${response.url.host} has ${start + length} bytes, not ${blob.size}`)
  }
  return { start, body: response.body, discard: () => response.discard() }
}

function startOf(response: HttpResponse): number | undefined {
  const match = /^bytes (\d{1,15})-\d{1,15}\/(?:\d{1,15}|\*)$/.exec(headerOf(response, 'content-range') ?? '')
  return match === null ? undefined : Number(match[1])
}

function pathOf(at: Repository, digest: Digest): string {
  return `/v2/${at.repository}/blobs/${digest}`
}
