import type { Descriptor } from '../../registry/oci/descriptor.ts'
import { type Digest, hexOf } from '../../registry/oci/digest.ts'
import { hasCode } from '../../registry/oci/error.ts'
import type { Emit } from '../../registry/oci/event.ts'
import { readManifest } from '../../registry/oci/manifest.ts'
import { isIndexType } from '../../registry/oci/media-type.ts'
import type { Platform } from '../../registry/oci/platform.ts'
import { formatReference, type Reference, withDefaultTag } from '../../registry/oci/reference.ts'
import type { RegistryClient } from '../../registry/remote/client.ts'
import { downloadBlob } from '../../registry/remote/download.ts'
import { deleteManifest, fetchManifest, type ManifestBytes, putManifest } from '../../registry/remote/manifests.ts'
import { pull } from '../../registry/remote/pull.ts'
import { publishBlobs } from '../../registry/remote/push.ts'
import { listTags } from '../../registry/remote/tags.ts'
import { readImage } from '../../registry/store/image.ts'
import { inParallel } from '../../registry/store/parallel.ts'
import type { Store } from '../../registry/store/store.ts'
import {
  CACHE_CONFIG,
  decodeCache,
  decodeInline,
  encodeCache,
  isWithin,
  MAX_CACHE_CONFIG_BYTES,
  type SharedContent,
  unionOf,
} from './format.ts'

/** Of a registry and the store. */
export interface SharedDeps {
  readonly client: RegistryClient
  readonly store: Store
  readonly emit: Emit
  /** Step of the transfers. */
  readonly step: string
  readonly signal: AbortSignal
}

/** What one exporter wrote, or what was written last. */
interface Part {
  readonly tag: string
  readonly manifest: ManifestBytes
}

/** Hex characters of a digest in the tag of one exporter. */
const TAG_HEX = 16
/** What one reference may have been written by before whoever comes next puts it together. */
const MAX_PARTS = 8
/** More tags of one cache are not read. */
const MAX_READ = 256

/**
 * A cache under `repository:tag`, or the image there with an inline cache. Every exporter writes a tag of its own, `tag.<digest>`, so that none overwrites
 * another; what the cache holds is the union of all of them and of `tag`, which is what was written last.
 */
export class RegistryCache {
  readonly #at: Reference & { readonly tag: string }
  /** Whose images an inline cache is read from. */
  readonly #platforms: readonly Platform[]

  constructor(reference: Reference, platforms: readonly Platform[]) {
    const { registry, repository, tag = 'latest' } = withDefaultTag(reference)
    this.#at = { registry, repository, tag }
    this.#platforms = platforms
  }

  get name(): string {
    return formatReference(this.#at)
  }

  /** All that it has. Throws NOT_FOUND when there is nothing under the name. */
  async read(deps: SharedDeps): Promise<SharedContent> {
    return this.#union(await this.#parts(deps), deps)
  }

  /** Writes down that a layer of it lies there: it can be fetched, or mounted by a push. */
  claim(blob: Descriptor, { store }: Pick<SharedDeps, 'store'>): Promise<void> {
    return store.origins.add(blob.digest, this.#at.registry, this.#at.repository)
  }

  /** Adds to it. Writes nothing where all is there already. */
  async write(content: SharedContent, deps: SharedDeps): Promise<void> {
    const parts = await this.#parts(deps).catch((error: unknown) => {
      if (hasCode(error, 'NOT_FOUND')) return []
      throw error
    })
    const known = await this.#union(parts, deps)
    if (isWithin(content, known)) return
    const isFull = new Set(parts.map(({ manifest }) => manifest.descriptor.digest)).size > MAX_PARTS
    const { config, manifest } = encodeCache(isFull ? unionOf([known, content]) : content)
    await deps.store.blobs.put(config.bytes)
    const { layers } = readManifest(manifest.bytes, this.name)
    await publishBlobs(this.#at, [config.descriptor, ...layers], deps)
    const own = `${this.#at.tag}.${hexOf(manifest.descriptor.digest).slice(0, TAG_HEX)}`
    for (const tag of [own, this.#at.tag]) await putManifest(deps.client, this.#at, { key: { tag }, manifest, signal: deps.signal })
    if (isFull) await this.#replace(parts, manifest, deps)
  }

  /** The parts are in `whole` by now: they go, or where a registry deletes nothing, their tags name the whole, too. */
  async #replace(parts: readonly Part[], whole: ManifestBytes, { client, signal }: SharedDeps): Promise<void> {
    for (const { tag, manifest } of parts) {
      const { digest } = manifest.descriptor
      if (tag === this.#at.tag || digest === whole.descriptor.digest) continue
      try {
        await deleteManifest(client, this.#at, { digest }, signal)
      } catch {
        signal.throwIfAborted()
        await putManifest(client, this.#at, { key: { tag }, manifest: whole, signal })
      }
    }
  }

  async #union(parts: readonly Part[], deps: SharedDeps): Promise<SharedContent> {
    const manifests = new Map(parts.map(({ manifest }) => [manifest.descriptor.digest, manifest]))
    return unionOf(await inParallel([...manifests.values()], 4, (manifest) => this.#contentOf(manifest, deps)))
  }

  async #parts(deps: SharedDeps): Promise<Part[]> {
    const { client, signal } = deps
    const tags = [this.#at.tag, ...(await this.#ownTags(deps))]
    const found = await inParallel(tags.slice(0, MAX_READ), 4, async (tag): Promise<Part[]> => {
      try {
        return [{ tag, manifest: await fetchManifest(client, this.#at, { tag }, signal) }]
      } catch (error) {
        // Another exporter may just have put parts together.
        if (!hasCode(error, 'NOT_FOUND') || tag === this.#at.tag) throw error
        return []
      }
    })
    return found.flat()
  }

  /** Where a registry lists no tags, there is what was written last. */
  async #ownTags({ client, signal }: SharedDeps): Promise<string[]> {
    const pattern = new RegExp(`^${this.#at.tag.replaceAll('.', '\\.')}\\.[0-9a-f]{${TAG_HEX}}$`)
    const own: string[] = []
    try {
      for await (const tag of listTags(client, this.#at, signal)) if (pattern.test(tag)) own.push(tag)
    } catch {
      signal.throwIfAborted()
    }
    return own
  }

  async #contentOf({ descriptor, bytes }: ManifestBytes, deps: SharedDeps): Promise<SharedContent> {
    if (isIndexType(descriptor.mediaType)) return this.#inlineContent(descriptor.digest, deps)
    const { config } = readManifest(bytes, this.name)
    if (config.mediaType !== CACHE_CONFIG) return this.#inlineContent(descriptor.digest, deps)
    if (config.size > MAX_CACHE_CONFIG_BYTES) return { steps: [], mounts: [] }
    const { client, store, emit, step, signal } = deps
    await downloadBlob(this.#at, config, { client, blobs: store.blobs, report: { step, emit }, signal })
    return decodeCache(bytes, await store.blobs.read(config.digest, MAX_CACHE_CONFIG_BYTES), this.name)
  }

  async #inlineContent(digest: Digest, deps: SharedDeps): Promise<SharedContent> {
    return unionOf(await inParallel(this.#platforms, 4, (platform) => this.#inlineContentOf(platform, digest, deps)))
  }

  /** An index that has no image for one of several platforms still serves the others. */
  async #inlineContentOf(platform: Platform, digest: Digest, deps: SharedDeps): Promise<SharedContent> {
    const { registry, repository } = this.#at
    const options = { platform, step: deps.step, signal: deps.signal, withoutLayers: true }
    try {
      const { root } = await pull({ registry, repository, digest }, options, deps)
      const image = await readImage(deps.store.blobs, root, platform)
      return { steps: decodeInline(image.config, image.layers), mounts: [] }
    } catch (error) {
      if (this.#platforms.length > 1 && hasCode(error, 'PLATFORM_MISSING')) return { steps: [], mounts: [] }
      throw error
    }
  }
}
