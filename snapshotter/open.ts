import { mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { TreeRequest } from '../native/requests/trees.ts'
import { bytesOfText } from '../native/wire.ts'
import type { ChainID } from '../registry/oci/chain-id.ts'
import { asDiffID, type DiffID, digestFromBytes, hexOf } from '../registry/oci/digest.ts'
import { TsbuildError } from '../registry/oci/error.ts'
import { ActiveTree, sealTree } from './active.ts'
import { type Link, linksOf, type Unit } from './chain.ts'
import { copy } from './copy.ts'
import type { SnapshotterDeps, SnapshotterOptions } from './deps.ts'
import { tooManyLayers, unpackFailure } from './failures.ts'
import { isSound, markUsed, readMetadata, writeMetadata } from './metadata.ts'
import { overlay } from './overlay.ts'
import type { ActiveSnapshot, LayerBlob, LayerOutput, Sealed, Snapshotter } from './snapshotter.ts'
import { type StepFolder, StepFolders } from './step-folders.ts'
import type { Strategy } from './strategy.ts'

/** Made in an active folder by mounts and comparisons, and of no use in a finished tree. */
const SCRATCH = ['work', 'merged', 'lower', 'walk']

/**
 * Opens the snapshots of a store, and removes what dead processes left of theirs. The caller holds the store's lock as long as it is open, and
 * ends the helper afterwards.
 */
export async function openSnapshotter(options: SnapshotterOptions, deps: SnapshotterDeps): Promise<Snapshotter> {
  const folders = new StepFolders(join(options.root, 'steps'), deps)
  await folders.recover()
  return new StoredSnapshots(options, deps, folders)
}

class StoredSnapshots implements Snapshotter {
  readonly #options: SnapshotterOptions
  readonly #deps: SnapshotterDeps
  readonly #folders: StepFolders
  readonly #strategy: Strategy
  readonly #home: string
  /** Seen in this process: collecting garbage needs the store for itself, so they stay. */
  readonly #there = new Set<ChainID>()

  constructor(options: SnapshotterOptions, deps: SnapshotterDeps, folders: StepFolders) {
    this.#options = options
    this.#deps = deps
    this.#folders = folders
    this.#strategy = options.stacking === 'copy' ? copy : overlay
    this.#home = join(options.root, 'snapshots', options.stacking === 'copy' ? `${options.fingerprint}-copy` : options.fingerprint)
  }

  async prepare(layers: readonly LayerBlob[], signal?: AbortSignal): Promise<void> {
    await this.#prepare(linksOf(layers), signal)
  }

  async begin(layers: readonly LayerBlob[], signal?: AbortSignal): Promise<ActiveSnapshot> {
    const links = linksOf(layers)
    await this.#prepare(links, signal)
    const { folder, tree } = await this.#begin(links, signal)
    const helper = await this.#deps.helper()
    return new ActiveTree(folder, tree, helper, (from, name, diffID) => this.#publish(from, name, diffID))
  }

  async remove(names: readonly ChainID[]): Promise<void> {
    for (const name of names) this.#there.delete(name)
    await this.#folders.discard(names.map((name) => this.#path(name)))
  }

  async packFolder(path: string, files: LayerOutput, signal?: AbortSignal): Promise<Sealed> {
    // Without a parent all files of an upper are new; nothing is mounted for that.
    return sealTree(await this.#deps.helper(), { stacking: 'overlay', lowers: [], active: bytesOfText(path) }, files, signal)
  }

  async fillFolder(path: string, layers: readonly LayerBlob[], signal?: AbortSignal): Promise<void> {
    const helper = await this.#deps.helper()
    const folder = await this.#folders.create()
    const tree = { stacking: 'copy', lowers: [], active: bytesOfText(folder.path) } as const
    try {
      await helper.begin(tree, signal)
      for (const layer of layers) await this.#unpack(tree, layer, signal)
      await helper.remove(SCRATCH.map((scratch) => bytesOfText(join(folder.path, scratch))))
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      if (!(await folder.moveTo(path))) await folder.remove()
    } catch (error) {
      await abandon(folder)
      throw error
    }
  }

  discard(paths: readonly string[]): Promise<void> {
    return this.#folders.discard(paths)
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #path(name: ChainID): string {
    return join(this.#home, hexOf(name))
  }

  async #prepare(links: readonly Link[], signal: AbortSignal | undefined): Promise<void> {
    if (links.length > this.#strategy.maxLowers) throw tooManyLayers(links.length, this.#strategy.maxLowers)
    for await (const unit of this.#strategy.missing(links, (name) => this.#isThere(name))) await this.#make(unit, signal)
  }

  async #isThere(name: ChainID): Promise<boolean> {
    if (this.#there.has(name)) return true
    const metadata = await readMetadata(this.#path(name))
    if (metadata === undefined || !isSound(metadata, this.#options.bootId)) return false
    await markUsed(this.#path(name), this.#deps.now())
    this.#there.add(name)
    return true
  }

  /** One process at a time makes a snapshot; the others find it made. */
  async #make(unit: Unit, signal: AbortSignal | undefined): Promise<void> {
    const path = join(this.#options.root, 'locks', `snapshot-${this.#options.stacking}-${hexOf(unit.name)}`)
    await mkdir(join(this.#options.root, 'locks'), { recursive: true, mode: 0o700 })
    const onWait = () => this.#deps.onWait?.(unit.name)
    await using lock = await this.#deps.ops.lock({ path: bytesOfText(path), mode: 'exclusive' }, { onWait, ...(signal && { signal }) })
    if (lock === undefined) throw new Error('a lock that is waited for is given')
    if (!(await this.#isThere(unit.name))) await this.#unpackUnit(unit, signal)
    // Who waits with the old file still finds the snapshot made, which is all the lock is for.
    await rm(path, { force: true })
  }

  async #unpackUnit(unit: Unit, signal: AbortSignal | undefined): Promise<void> {
    const { folder, tree } = await this.#begin(unit.base, signal)
    try {
      for (const layer of unit.layers) await this.#unpack(tree, layer, signal)
      await this.#publish(folder, unit.name, unit.diffID)
    } catch (error) {
      await abandon(folder)
      throw error
    }
  }

  async #begin(links: readonly Link[], signal: AbortSignal | undefined): Promise<{ folder: StepFolder; tree: TreeRequest }> {
    const helper = await this.#deps.helper()
    const folder = await this.#folders.create()
    const lowers = this.#strategy.lowersOf(links).map((name) => bytesOfText(this.#path(name)))
    const tree = { stacking: this.#strategy.stacking, lowers, active: bytesOfText(folder.path) }
    try {
      await helper.begin(tree, signal)
      return { folder, tree }
    } catch (error) {
      await abandon(folder)
      throw error
    }
  }

  async #unpack(tree: TreeRequest, layer: LayerBlob, signal: AbortSignal | undefined): Promise<void> {
    const helper = await this.#deps.helper()
    const blob = { path: bytesOfText(layer.path), codec: layer.codec }
    const { tocs } = this.#deps
    const toc = tocs === undefined || tocs.has(layer.diffID) ? '' : await tocs.temporary()
    try {
      const { diffID } = await helper.unpack({ ...tree, blob, toc: bytesOfText(toc) }, signal)
      const found = asDiffID(digestFromBytes(diffID))
      if (found !== layer.diffID) throw new TsbuildError('BLOB_MISMATCH', `layer ${layer.diffID}: its content is ${found}`)
      if (toc !== '') await tocs?.adopt(toc, found)
    } catch (error) {
      if (toc !== '') await rm(toc, { force: true })
      throw unpackFailure(error, layer)
    }
  }

  async #publish(folder: StepFolder, name: ChainID, diffID: DiffID): Promise<void> {
    const helper = await this.#deps.helper()
    await helper.remove(SCRATCH.map((scratch) => bytesOfText(join(folder.path, scratch))))
    await writeMetadata(folder.path, { bootId: this.#options.bootId, diffID })
    await mkdir(this.#home, { recursive: true, mode: 0o700 })
    while (!(await folder.moveTo(this.#path(name)))) {
      if (await this.#isThere(name)) return folder.remove()
      await this.#folders.discard([this.#path(name)]) // of another boot, or without its metadata
    }
    this.#there.add(name)
  }
}

/** After an error: what cannot be removed now, because the helper is what failed, is removed by the next `recover`. */
async function abandon(folder: StepFolder): Promise<void> {
  await folder.remove().catch(() => undefined)
}
