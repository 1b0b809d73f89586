import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, type Digest, digestOf, isDigest } from '../oci/digest.ts'
import { MAX_MANIFEST_BYTES } from '../oci/document.ts'
import { TsbuildError } from '../oci/error.ts'
import { readIndex, readManifest } from '../oci/manifest.ts'
import { DOCKER_LIST, DOCKER_MANIFEST, isIndexType, isManifestType, OCI_INDEX, OCI_MANIFEST } from '../oci/media-type.ts'
import type { RegistryClient, Repository } from './client.ts'
import { readCapped } from './errors.ts'
import { mediaTypeOf } from './manifest-type.ts'
import { pullScope, pushScope } from './scope.ts'
import type { HttpResponse } from './transport.ts'

/** What we can read; without it some registries answer with the first schema. */
const ACCEPT = [OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST].join(', ')
/** A manifest or index: its bytes as they are in the registry, and the descriptor computed from them. */
export interface ManifestBytes {
  readonly descriptor: Descriptor
  readonly bytes: Uint8Array
}

/** A tag, or a digest that the answer must have. */
export type ManifestKey =
  | { readonly tag: string }
  | { readonly digest: Digest; readonly mediaType?: string | undefined; readonly size?: number | undefined }

/**
 * Descriptor of what `key` stands for now, as the registry says it (a digest from a header is not proof of content); undefined when there is none.
 * HEAD costs nothing with registries that count pulls. distribution-spec v1.1, "Pulling manifests".
 */
export async function statManifest(
  client: RegistryClient,
  at: Repository,
  key: ManifestKey,
  signal?: AbortSignal,
): Promise<Descriptor | undefined> {
  const call = { method: 'HEAD', to: pathOf(at, key), scopes: [pullScope(at.repository)], headers: { accept: ACCEPT }, signal }
  const response = await client.request(at.registry, call)
  await response.discard()
  if (response.status === 404) return undefined
  const described = response.status === 200 ? describe(response) : undefined
  if (described !== undefined) return described
  // HEAD is refused by some, and the digest left out by others.
  return (await fetchManifest(client, at, key, signal)).descriptor
}

/**
 * The manifest or index itself: at most 4 MiB, its digest and size checked, its media type one. Throws NOT_FOUND, RESPONSE_TOO_LARGE,
 * MANIFEST_MISMATCH, MANIFEST_UNSUPPORTED, DOCUMENT_INVALID and what requests throw.
 */
export async function fetchManifest(
  client: RegistryClient,
  at: Repository,
  key: ManifestKey,
  signal?: AbortSignal,
): Promise<ManifestBytes> {
  const name = nameOf(at, key)
  const call = { method: 'GET', to: pathOf(at, key), scopes: [pullScope(at.repository)], headers: { accept: ACCEPT }, signal }
  const response = await client.request(at.registry, call)
  if (response.status !== 200) throw await client.failure(at.registry, response, name)
  const bytes = await readCapped(response, MAX_MANIFEST_BYTES)
  const want = 'digest' in key ? key : undefined
  const digest = digestOf(bytes, want === undefined ? 'sha256' : algorithmOf(want.digest))
  if (want !== undefined && (want.digest !== digest || (want.size !== undefined && want.size !== bytes.length))) {
    throw new TsbuildError('MANIFEST_MISMATCH', `${name}: the registry sent other bytes (${digest}, ${bytes.length} bytes)`, {
      hint: 'the registry is damaged or not to be trusted; nothing of it was kept',
    })
  }
  const mediaType = mediaTypeOf(bytes, name, [headerOf(response, 'content-type'), want?.mediaType])
  if (isIndexType(mediaType)) readIndex(bytes, name)
  else readManifest(bytes, name)
  return { descriptor: { mediaType, digest, size: bytes.length }, bytes }
}

/** Publishes a manifest under a tag, or under its digest alone. Throws MANIFEST_MISMATCH when the registry made something else of it. */
export async function putManifest(
  client: RegistryClient,
  at: Repository,
  { key, manifest, signal }: { key: ManifestKey; manifest: ManifestBytes; signal?: AbortSignal | undefined },
): Promise<void> {
  const { descriptor, bytes } = manifest
  const name = nameOf(at, key)
  const headers = { 'content-type': descriptor.mediaType }
  const response = await client.request(at.registry, {
    method: 'PUT',
    to: pathOf(at, key),
    scopes: [pushScope(at.repository)],
    headers,
    body: bytes,
    signal,
  })
  if (response.status !== 201 && response.status !== 200 && response.status !== 202) {
    throw await client.failure(at.registry, response, `push of ${name}`)
  }
  await response.discard()
  const said = headerOf(response, 'docker-content-digest')
  if (said === undefined || !isDigest(said) || algorithmOf(said) !== algorithmOf(descriptor.digest) || said === descriptor.digest) return
  throw new TsbuildError('MANIFEST_MISMATCH', `push of ${name}: the registry made ${said} of ${descriptor.digest}`, {
    hint: 'the registry changes manifests, so their digests cannot be relied on',
  })
}

/** Removes a tag, or a manifest with all its tags; false when it was not there. distribution-spec v1.1, "Content management". */
export async function deleteManifest(client: RegistryClient, at: Repository, key: ManifestKey, signal?: AbortSignal): Promise<boolean> {
  const scopes = [`repository:${at.repository}:delete,pull`] as const
  const response = await client.request(at.registry, { method: 'DELETE', to: pathOf(at, key), scopes, signal })
  if (response.status !== 202 && response.status !== 200 && response.status !== 204 && response.status !== 404) {
    throw await client.failure(at.registry, response, `removal of ${nameOf(at, key)}`)
  }
  await response.discard()
  return response.status !== 404
}

export function headerOf(response: HttpResponse, name: string): string | undefined {
  const value = response.headers[name]
  return Array.isArray(value) ? value[0] : value
}

function describe(response: HttpResponse): Descriptor | undefined {
  const digest = headerOf(response, 'docker-content-digest')
  const mediaType = headerOf(response, 'content-type')?.split(';')[0]?.trim()
  const size = Number(headerOf(response, 'content-length') ?? Number.NaN)
  if (digest === undefined || !isDigest(digest) || mediaType === undefined || !Number.isSafeInteger(size)) return undefined
  return isIndexType(mediaType) || isManifestType(mediaType) ? { mediaType, digest, size } : undefined
}

function keyText(key: ManifestKey): Digest | string {
  return 'tag' in key ? key.tag : key.digest
}

function pathOf(at: Repository, key: ManifestKey): string {
  return `/v2/${at.repository}/manifests/${keyText(key)}`
}

function nameOf(at: Repository, key: ManifestKey): string {
  return `${at.registry}/${at.repository}${'tag' in key ? ':' : '@'}${keyText(key)}`
}
