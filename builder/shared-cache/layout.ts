import { existsSync } from 'node:fs'
import type { Descriptor } from '../../registry/oci/descriptor.ts'
import { TsbuildError } from '../../registry/oci/error.ts'
import { readManifest } from '../../registry/oci/manifest.ts'
import { findInLayout, type Layout, openLayout } from '../../registry/store/layout.ts'
import { exportLayout, importBlob } from '../../registry/store/layout-copy.ts'
import type { Store } from '../../registry/store/store.ts'
import { CACHE_CONFIG, decodeCache, encodeCache, isWithin, MAX_CACHE_CONFIG_BYTES, type SharedContent, unionOf } from './format.ts'

/** A cache in an image layout folder, under a name of its index: `type=local`. */
export class LayoutCache {
  readonly #folder: string
  readonly #name: string

  constructor(folder: string, name: string) {
    this.#folder = folder
    this.#name = name
  }

  /** All that it has. Throws NOT_FOUND where there is no folder, LAYOUT_INVALID, NAME_UNKNOWN, CACHE_INVALID. */
  async read(): Promise<SharedContent> {
    if (!existsSync(`${this.#folder}/index.json`)) throw new TsbuildError('NOT_FOUND', `there is no cache in ${this.#folder}`)
    const layout = openLayout(this.#folder)
    const { digest } = findInLayout(layout.manifests, this.#folder, this.#name)
    const bytes = await layout.read(digest, MAX_CACHE_CONFIG_BYTES)
    const { config } = readManifest(bytes, this.#folder)
    if (config.mediaType !== CACHE_CONFIG)
      throw new TsbuildError('CACHE_INVALID', `${this.#folder}: ${this.#name} is no cache but ${config.mediaType}`)
    return decodeCache(bytes, await layout.read(config.digest, MAX_CACHE_CONFIG_BYTES), this.#folder)
  }

  /** Copies a layer into the store. */
  async claim(blob: Descriptor, store: Store, signal: AbortSignal): Promise<void> {
    const layout: Layout = openLayout(this.#folder)
    await importBlob(store, layout.path(blob.digest), { blob, signal })
  }

  /** Adds to it what is in the store. Writes nothing where all is there already. */
  async write(content: SharedContent, store: Store, signal: AbortSignal): Promise<void> {
    const known = this.#hasName() ? await this.read() : { steps: [], mounts: [] }
    if (this.#hasName() && isWithin(content, known)) return
    const union = unionOf([known, content])
    for (const { blob } of [...union.steps, ...union.mounts.flatMap(({ chunks }) => chunks)])
      if ((await store.blobs.stat(blob.digest)) === undefined) await this.claim(blob, store, signal)
    const { config, manifest } = encodeCache(union)
    for (const { bytes } of [config, manifest]) await store.blobs.put(bytes)
    await exportLayout(store, manifest.descriptor, { folder: this.#folder, names: [{ refName: this.#name }] })
  }

  #hasName(): boolean {
    if (!existsSync(`${this.#folder}/index.json`)) return false
    return openLayout(this.#folder).manifests.some(({ annotations }) => Object.values(annotations ?? {}).includes(this.#name))
  }
}
