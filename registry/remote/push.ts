import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { MAX_MANIFEST_BYTES } from '../oci/document.ts'
import { TsbuildError } from '../oci/error.ts'
import type { Emit } from '../oci/event.ts'
import { isIndexType, isManifestType, isNondistributable } from '../oci/media-type.ts'
import { formatReference, type Reference, withDefaultTag } from '../oci/reference.ts'
import { childrenOf } from '../store/graph.ts'
import { isElsewhere } from '../store/origins.ts'
import { inParallel } from '../store/parallel.ts'
import type { Store } from '../store/store.ts'
import type { RegistryClient, Repository } from './client.ts'
import { fetchAbsent } from './fetch-absent.ts'
import { type ManifestBytes, putManifest } from './manifests.ts'
import { uploadBlob } from './upload.ts'

const MAX_INDEX_DEPTH = 8

export interface PushOptions {
  /** Blobs at a time; default 4. */
  readonly parallel?: number | undefined
  /** See UploadDeps. */
  readonly chunkBytes?: number | undefined
  /** Step of the transfer events; default `push REFERENCE`. */
  readonly step?: string | undefined
  readonly signal?: AbortSignal | undefined
}

export interface PushDeps {
  readonly client: RegistryClient
  readonly store: Store
  readonly emit: Emit
}

/**
 * Publishes an image or index of the store under each of `references`: blobs, then the manifests of an index, then what the tags stand for, under
 * the tags, last. Returns its digest, which is the local one. Throws BLOB_MISSING before anything is sent, and what uploads and requests throw.
 */
export async function push(root: Descriptor, references: readonly Reference[], options: PushOptions, deps: PushDeps): Promise<Digest> {
  for (const reference of references) checkDestination(reference, root)
  const content = await contentOf(root, deps.store)
  for (const [at, tags] of byRepository(references)) {
    const step = options.step ?? `push ${formatReference({ ...at, ...(tags[0] === undefined ? {} : { tag: tags[0] }) })}`
    await pushTo(at, tags, content, { ...deps, options, step })
  }
  return root.digest
}

interface Content {
  /** Children before parents; the last is the root. */
  readonly documents: readonly ManifestBytes[]
  readonly blobs: readonly Descriptor[]
}

async function pushTo(
  at: Repository,
  tags: readonly string[],
  { documents, blobs }: Content,
  deps: PushDeps & { options: PushOptions; step: string },
): Promise<void> {
  const { client, options } = deps
  const { signal } = options
  await publishBlobs(at, blobs, { ...deps, ...options, step: deps.step })
  const children = documents.slice(0, -1)
  for (const manifest of children) await putManifest(client, at, { key: { digest: manifest.descriptor.digest }, manifest, signal })
  for (const manifest of documents.slice(-1)) {
    const keys = tags.length === 0 ? [{ digest: manifest.descriptor.digest }] : tags.map((tag) => ({ tag }))
    for (const key of keys) await putManifest(client, at, { key, manifest, signal })
  }
}

/** Sees to it that a repository has these blobs, the largest first: none is left to run alone at the end. Throws what `uploadBlob` throws. */
export async function publishBlobs(
  at: Repository,
  blobs: readonly Descriptor[],
  { client, store, emit, step, parallel = 4, chunkBytes, signal }: PushDeps & Omit<PushOptions, 'step'> & { readonly step: string },
): Promise<void> {
  const report = { step, emit }
  const fetch = (blob: Descriptor) => fetchAbsent([blob], { client: async () => client, store, report, signal })
  const upload = { client, store, chunkBytes, signal, report, fetch }
  const largestFirst = [...blobs].sort((a, b) => b.size - a.size)
  await inParallel(largestFirst, parallel, async (blob) => {
    await uploadBlob(at, blob, await store.origins.of(blob.digest), upload)
    await store.origins.add(blob.digest, at.registry, at.repository)
  })
}

/** All that has to be in the registry, found to be in the store. */
async function contentOf(root: Descriptor, store: Store): Promise<Content> {
  const documents: ManifestBytes[] = []
  const blobs: Descriptor[] = []
  const seen = new Set<Digest>()
  async function visit(descriptor: Descriptor, depth: number): Promise<void> {
    if (seen.has(descriptor.digest) || isNondistributable(descriptor.mediaType)) return
    seen.add(descriptor.digest)
    if (depth > MAX_INDEX_DEPTH) throw new TsbuildError('DOCUMENT_INVALID', `${root.digest}: indexes nested deeper than ${MAX_INDEX_DEPTH}`)
    await checkPresent(descriptor, root, store)
    for (const child of await childrenOf(store.blobs, descriptor)) await visit(child, depth + 1)
    const isDocument = isIndexType(descriptor.mediaType) || isManifestType(descriptor.mediaType)
    if (isDocument) documents.push({ descriptor, bytes: await store.blobs.read(descriptor.digest, MAX_MANIFEST_BYTES) })
    else blobs.push(descriptor)
  }
  await visit(root, 0)
  return { documents, blobs }
}

async function checkPresent(descriptor: Descriptor, root: Descriptor, store: Store): Promise<void> {
  const present = await store.blobs.stat(descriptor.digest)
  if (present?.size === descriptor.size || (present === undefined && (await isElsewhere(descriptor, store.origins)))) return
  const what = present === undefined ? 'not in the store' : `${present.size} bytes in the store, not ${descriptor.size}`
  throw new TsbuildError('BLOB_MISSING', `${root.digest} cannot be pushed: ${descriptor.mediaType} ${descriptor.digest} is ${what}`, {
    hint: 'pull or build the image again; of an index with several platforms, pull all of them first or push the one you have',
  })
}

function checkDestination(reference: Reference, root: Descriptor): void {
  if (reference.digest === undefined || reference.digest === root.digest) return
  throw new TsbuildError('REFERENCE_INVALID', `${formatReference(reference)}: the image to push is ${root.digest}`, {
    hint: 'leave the digest out of the destination',
  })
}

/** References of one repository together, so that its blobs are looked at once. */
function byRepository(references: readonly Reference[]): Map<Repository, string[]> {
  const groups = new Map<string, { at: Repository; tags: string[] }>()
  for (const reference of references.map(withDefaultTag)) {
    const { registry, repository, tag } = reference
    const key = `${registry}/${repository}`
    const group = groups.get(key) ?? { at: { registry, repository }, tags: [] }
    if (tag !== undefined && !group.tags.includes(tag)) group.tags.push(tag)
    groups.set(key, group)
  }
  return new Map([...groups.values()].map(({ at, tags }) => [at, tags]))
}
