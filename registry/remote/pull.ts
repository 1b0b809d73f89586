import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, type Digest } from '../oci/digest.ts'
import { MAX_MANIFEST_BYTES } from '../oci/document.ts'
import { hasCode, TsbuildError } from '../oci/error.ts'
import type { Emit } from '../oci/event.ts'
import { readIndex, readManifest } from '../oci/manifest.ts'
import { isIndexType, isManifestType, isNondistributable } from '../oci/media-type.ts'
import type { Platform } from '../oci/platform.ts'
import { formatReference, type Reference, withDefaultTag } from '../oci/reference.ts'
import type { Blobs } from '../store/blobs.ts'
import type { Origins } from '../store/origins.ts'
import { inParallel } from '../store/parallel.ts'
import type { RegistryClient, Repository } from './client.ts'
import { downloadBlob } from './download.ts'
import { fetchManifest, type ManifestBytes, type ManifestKey, statManifest } from './manifests.ts'
import { candidatesFor } from './select.ts'

const MAX_INDEX_DEPTH = 8

export interface PullOptions {
  /** Which image of an index; `all` for every one. */
  readonly platform: Platform | 'all'
  /** Blobs at a time; default 4. */
  readonly parallel?: number | undefined
  /** Step of the transfer events; default `pull REFERENCE`. */
  readonly step?: string | undefined
  readonly signal?: AbortSignal | undefined
  /** Manifests and configs alone: what an image is, without its files. */
  readonly withoutLayers?: boolean | undefined
}

export interface PullDeps {
  readonly client: RegistryClient
  readonly store: { readonly blobs: Pick<Blobs, 'stat' | 'read' | 'put' | 'ingest'>; readonly origins: Origins }
  readonly emit: Emit
}

export interface Pulled {
  /** What the reference stands for: an index or a manifest. */
  readonly root: Descriptor
  /** The manifest of the platform asked for; with `all`, every manifest. */
  readonly manifests: readonly Descriptor[]
  /** All that is in the store now because of this. */
  readonly blobs: readonly Descriptor[]
}

/** Digest, size and media type of what a reference stands for now. Throws NOT_FOUND. */
export async function resolve(reference: Reference, client: RegistryClient, signal?: AbortSignal): Promise<Descriptor> {
  const found = await statManifest(client, reference, keyOf(reference), signal)
  if (found !== undefined) return found
  throw new TsbuildError('NOT_FOUND', `${formatReference(withDefaultTag(reference))} is not in the registry`, {
    hint: 'check the name and the tag; a private repository needs `tsbuild login`',
  })
}

/**
 * Brings an image into the store: blobs first, then manifests, then the index, so that what is there leads only to what is there. Every byte is
 * verified; interrupted downloads continue. It gets no name: the caller sets one. Throws NOT_FOUND, PLATFORM_MISSING, LAYER_FOREIGN,
 * MANIFEST_MISMATCH, MANIFEST_UNSUPPORTED, BLOB_MISMATCH and what requests throw.
 */
export async function pull(reference: Reference, options: PullOptions, deps: PullDeps): Promise<Pulled> {
  const root = await resolve(reference, deps.client, options.signal)
  const puller = new Puller(reference, options, deps)
  // Without the size: a HEAD's Content-Length is no promise.
  const documents = await puller.collect({ mediaType: root.mediaType, digest: root.digest })
  const manifests = documents.filter(({ descriptor }) => isManifestType(descriptor.mediaType))
  const blobs = puller.blobsOf(manifests)
  const report = { step: options.step ?? `pull ${formatReference(withDefaultTag(reference))}`, emit: deps.emit }
  const download = { client: deps.client, blobs: deps.store.blobs, report, signal: options.signal }
  await inParallel(blobs, options.parallel ?? 4, async (blob) => {
    await downloadBlob(reference, blob, download)
    await deps.store.origins.add(blob.digest, reference.registry, reference.repository)
  })
  for (const { bytes, descriptor } of [...documents].reverse()) await deps.store.blobs.put(bytes, algorithmOf(descriptor.digest))
  const described = documents.map(({ descriptor }) => descriptor)
  // The first document is what the tag stands for, with the digest that was computed, not the one a header named.
  return { root: described[0] ?? root, manifests: manifests.map(({ descriptor }) => descriptor), blobs: [...described, ...blobs] }
}

function keyOf(reference: Reference): ManifestKey {
  const { digest, tag } = withDefaultTag(reference)
  return digest === undefined ? { tag: tag ?? 'latest' } : { digest }
}

class Puller {
  readonly #at: Repository
  readonly #name: string
  readonly #options: PullOptions
  readonly #deps: PullDeps
  readonly #seen = new Set<Digest>()

  constructor(reference: Reference, options: PullOptions, deps: PullDeps) {
    this.#at = reference
    this.#name = formatReference(withDefaultTag(reference))
    this.#options = options
    this.#deps = deps
  }

  /** `descriptor` and the documents below it that the platform needs, parents before children. */
  async collect(descriptor: Descriptor | Omit<Descriptor, 'size'>, depth = 0): Promise<ManifestBytes[]> {
    if (this.#seen.has(descriptor.digest)) return []
    this.#seen.add(descriptor.digest)
    const document = await this.#read(descriptor)
    if (!isIndexType(document.descriptor.mediaType)) return [document]
    if (depth >= MAX_INDEX_DEPTH) throw new TsbuildError('DOCUMENT_INVALID', `${this.#name}: indexes nested deeper than ${MAX_INDEX_DEPTH}`)
    const index = readIndex(document.bytes, `index ${descriptor.digest}`)
    const { platform } = this.#options
    if (platform !== 'all') return [document, ...(await this.#collectOne(candidatesFor(index, platform, this.#name), depth))]
    const below: ManifestBytes[] = []
    for (const child of index.manifests) {
      if (isManifestType(child.mediaType) || isIndexType(child.mediaType)) below.push(...(await this.collect(child, depth + 1)))
    }
    return [document, ...below]
  }

  /** The first candidate that leads to a manifest: a nested index may turn out not to have the platform. */
  async #collectOne(candidates: readonly Descriptor[], depth: number): Promise<ManifestBytes[]> {
    let missing: unknown
    for (const candidate of candidates) {
      try {
        return await this.collect(candidate, depth + 1)
      } catch (error) {
        if (!hasCode(error, 'PLATFORM_MISSING')) throw error
        missing ??= error
      }
    }
    throw missing
  }

  /** Config and layers (unless they are not wanted), each once. Layers that a registry may not serve are refused, or left out when all platforms are wanted. */
  blobsOf(manifests: readonly ManifestBytes[]): Descriptor[] {
    const blobs = new Map<Digest, Descriptor>()
    for (const { descriptor, bytes } of manifests) {
      const manifest = readManifest(bytes, `manifest ${descriptor.digest}`)
      for (const blob of this.#options.withoutLayers ? [manifest.config] : [manifest.config, ...manifest.layers]) {
        if (isNondistributable(blob.mediaType)) this.#foreign(blob)
        else blobs.set(blob.digest, blob)
      }
    }
    return [...blobs.values()]
  }

  #foreign(blob: Descriptor): void {
    const message = `${this.#name}: layer ${blob.digest} may only be fetched from its owner (${blob.mediaType}), which is not done`
    if (this.#options.platform !== 'all') {
      throw new TsbuildError('LAYER_FOREIGN', message, { hint: 'an image with such a layer (Windows) cannot be used here' })
    }
    this.#deps.emit({ kind: 'warning', code: 'LAYER_FOREIGN', message })
  }

  async #read(want: Descriptor | Omit<Descriptor, 'size'>): Promise<ManifestBytes> {
    const { blobs } = this.#deps.store
    const { digest, mediaType } = want
    const present = await blobs.stat(digest)
    if (present === undefined || ('size' in want && want.size !== present.size)) {
      return fetchManifest(this.#deps.client, this.#at, want, this.#options.signal)
    }
    // The bytes were checked when they came; what the registry says about them today does not matter.
    return { descriptor: { mediaType, digest, size: present.size }, bytes: await blobs.read(digest, MAX_MANIFEST_BYTES) }
  }
}
