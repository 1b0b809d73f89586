import { existsSync } from 'node:fs'
import { TsbuildError } from '../../registry/oci/error.ts'
import { readManifest } from '../../registry/oci/manifest.ts'
import { findInLayout, type Layout, openLayout } from '../../registry/store/layout.ts'
import { exportLayout, importBlob } from '../../registry/store/layout-copy.ts'
import type { Store } from '../../registry/store/store.ts'
import { CACHE_CONFIG, decodeCache, encodeCache, MAX_CACHE_CONFIG_BYTES, type SharedStep, unionOf } from './format.ts'

/** A cache in an image layout folder, under a name of its index: `type=local`. */
export class LayoutCache {
  readonly #folder: string
  readonly #name: string

  constructor(folder: string, name: string) {
    this.#folder = folder
    this.#name = name
  }

  /** All steps that it has. Throws NOT_FOUND where there is no folder, LAYOUT_INVALID, NAME_UNKNOWN, CACHE_INVALID. */
  async read(): Promise<SharedStep[]> {
    if (!existsSync(`${this.#folder}/index.json`)) throw new TsbuildError('NOT_FOUND', `there is no cache in ${this.#folder}`)
    const layout = openLayout(this.#folder)
    const { digest } = findInLayout(layout.manifests, this.#folder, this.#name)
    const bytes = await layout.read(digest, MAX_CACHE_CONFIG_BYTES)
    const { config } = readManifest(bytes, this.#folder)
    if (config.mediaType !== CACHE_CONFIG)
      throw new TsbuildError('CACHE_INVALID', `${this.#folder}: ${this.#name} is no cache but ${config.mediaType}`)
    return decodeCache(bytes, await layout.read(config.digest, MAX_CACHE_CONFIG_BYTES), this.#folder)
  }

  /** Copies the layer of a step into the store. */
  async claim({ blob }: SharedStep, store: Store, signal: AbortSignal): Promise<void> {
    const layout: Layout = openLayout(this.#folder)
    await importBlob(store, layout.path(blob.digest), { blob, signal })
  }

  /** Adds steps, whose layers are in the store. Writes nothing where all of them are there already. */
  async write(steps: readonly SharedStep[], store: Store, signal: AbortSignal): Promise<void> {
    const known = existsSync(`${this.#folder}/index.json`) && this.#hasName() ? await this.read() : []
    const keys = new Set(known.map(({ key }) => key))
    if (known.length > 0 && steps.every(({ key }) => keys.has(key))) return
    for (const step of known) await this.claim(step, store, signal)
    const { config, manifest } = encodeCache(unionOf([...known, ...steps]))
    for (const { bytes } of [config, manifest]) await store.blobs.put(bytes)
    await exportLayout(store, manifest.descriptor, { folder: this.#folder, names: [{ refName: this.#name }] })
  }

  #hasName(): boolean {
    return openLayout(this.#folder).manifests.some(({ annotations }) => Object.values(annotations ?? {}).includes(this.#name))
  }
}
