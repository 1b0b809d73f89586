import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { StepMount } from '../../native/requests/mounts.ts'
import type { TreeRequest } from '../../native/requests/trees.ts'
import { type Bytes, bytesOfText } from '../../native/wire.ts'
import { identityOf, layerFiles, viewOf } from '../chain.ts'
import type { BuildDeps, LayerRef } from '../deps.ts'
import { type Granted, type RunMount, type RunOperation, SCRIPT_FOLDER } from '../plan/graph.ts'
import type { Slot } from '../schedule.ts'
import type { ImportedCache } from '../shared-cache/import.ts'
import { LayersTree } from '../sources/layers.ts'
import { type CacheMount, cacheName, emptyCache, giveBack, type HeldCache, noteCacheUse, takeCaches } from './caches.ts'
import { maskedParts, secretVariable } from './secrets.ts'
import { type FileList, listFiles, selectPath } from './select.ts'

type Layers = readonly LayerRef[]

/** What the mounts of a RUN show, where their words do not tell it. */
export interface Shown {
  /** For the key, by position: a whole image by its ChainID, a part of a tree by its content, '' for what is told by its words. */
  readonly digests: readonly string[]
  /** Of the parts of trees. */
  readonly files: readonly FileList[]
}

export const SHOWS_NOTHING: Shown = { digests: [], files: [] }

export async function shownBy(operation: RunOperation, inputs: readonly Layers[], deps: BuildDeps, signal: AbortSignal): Promise<Shown> {
  const files: FileList[] = []
  const digests = await Promise.all(
    operation.mounts.map(async (mount) => {
      if (mount.kind === 'cache') return mount.seed === undefined ? '' : identityOf(inputs[mount.seed] ?? [])
      if (mount.kind !== 'bind') return ''
      const layers = inputs[mount.input] ?? []
      if (mount.source === '') return identityOf(layers)
      const tree = new LayersTree(await viewOf(layers, deps, signal), 'the mounted tree')
      const list = await listFiles(tree, [await selectPath(tree, mount.source)])
      files.push(list)
      return list.digest
    }),
  )
  return { digests, files }
}

/** The mounts of one step, ready for the helper, with all that they need held until they are disposed of. */
export interface OpenMounts extends AsyncDisposable {
  readonly mounts: readonly StepMount[]
  /** NAME=value that they bring. */
  readonly env: readonly Bytes[]
  /** What must not be seen in the step's output. */
  readonly masked: readonly Buffer[]
  /** Further groups of the command. */
  readonly groups: readonly number[]
}

export interface MountContext {
  readonly deps: BuildDeps
  readonly signal: AbortSignal
  readonly slot: Slot
  /** Names of caches that were emptied by this build; undefined when the step keeps them (always, but with --no-cache and --no-cache-filter). */
  readonly emptied: Set<string> | undefined
  /** Caches of other machines. */
  readonly imported: ImportedCache | undefined
}

export async function openMounts(operation: RunOperation, inputs: readonly Layers[], context: MountContext): Promise<OpenMounts> {
  const opening = new Opening(operation, inputs, context)
  try {
    return await opening.open()
  } catch (error) {
    await opening[Symbol.asyncDispose]()
    throw error
  }
}

class Opening implements OpenMounts {
  readonly mounts: StepMount[] = []
  readonly env: Bytes[] = []
  readonly masked: Buffer[] = []
  readonly groups: number[] = []
  readonly #operation: RunOperation
  readonly #inputs: readonly Layers[]
  readonly #context: MountContext
  readonly #opened: AsyncDisposable[] = []
  #caches: ReadonlyMap<string, HeldCache> = new Map()
  #agents = 0

  constructor(operation: RunOperation, inputs: readonly Layers[], context: MountContext) {
    this.#operation = operation
    this.#inputs = inputs
    this.#context = context
  }

  async open(): Promise<OpenMounts> {
    const { mounts, devices, script } = this.#operation
    this.#caches = await this.#takeCaches(mounts.filter((mount) => mount.kind === 'cache'))
    for (const mount of mounts) await this.#open(mount)
    for (const { name } of devices) await this.#device(name)
    if (script !== undefined) {
      const target = bytesOfText(`${SCRIPT_FOLDER}/${script.name}`)
      this.mounts.push({ kind: 'file', target, readOnly: true, content: Buffer.from(script.content), mode: 0o755, uid: 0, gid: 0 })
    }
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const opened of this.#opened.reverse()) await opened[Symbol.asyncDispose]()
    for (const mount of this.#operation.mounts) {
      const held = mount.kind === 'cache' ? this.#caches.get(this.#nameOf(mount)) : undefined
      if (mount.kind === 'cache' && held !== undefined) noteCacheUse(held, mount.id, this.#context.deps.now())
    }
    await giveBack(this.#caches)
  }

  async #open(mount: RunMount): Promise<void> {
    switch (mount.kind) {
      case 'bind': {
        const tree = await this.#treeOf(this.#inputs[mount.input] ?? [])
        this.mounts.push({ ...common(mount.target, mount.readOnly), kind: 'tree', tree, source: bytesOfText(mount.source) })
        return
      }
      case 'cache':
        this.mounts.push(await this.#cache(mount))
        return
      case 'tmpfs':
        this.mounts.push({ ...common(mount.target, mount.readOnly), kind: 'tmpfs', size: mount.size })
        return
      case 'secret':
        return this.#secret(mount)
      case 'ssh':
        return this.#agent(mount)
    }
  }

  /** A state of its own, so that what the step writes into it is gone afterwards. */
  async #treeOf(layers: Layers): Promise<TreeRequest> {
    const { deps, signal } = this.#context
    const snapshots = await deps.snapshots()
    const active = await snapshots.begin(await layerFiles(layers, deps, signal), signal)
    this.#opened.push(active)
    return active.tree
  }

  #nameOf(mount: CacheMount): string {
    return cacheName(mount, mount.seed === undefined ? '' : identityOf(this.#inputs[mount.seed] ?? []))
  }

  async #takeCaches(caches: readonly CacheMount[]): Promise<ReadonlyMap<string, HeldCache>> {
    const { deps, emptied } = this.#context
    const wanted = new Map<string, CacheMount['sharing']>()
    for (const mount of caches) {
      const name = this.#nameOf(mount)
      if (wanted.get(name) !== 'locked') wanted.set(name, mount.sharing)
      if (emptied === undefined || emptied.has(name)) continue
      emptied.add(name)
      if (!(await emptyCache(name, deps)))
        deps.emit({ kind: 'note', message: `the cache ${mount.id.replace(/^\//, '')} is in use by another build and is kept as it is` })
    }
    const held = await takeCaches(wanted, deps, this.#context)
    for (const [name, { path }] of held) await this.#restore(name, path)
    return held
  }

  /** A cache that is not here yet begins as it was elsewhere. */
  async #restore(name: string, path: string): Promise<void> {
    const { deps, imported, signal } = this.#context
    const mount = imported?.mount(name)
    if (mount === undefined || existsSync(path)) return
    const { fillMount } = await import('../shared-cache/mounts.ts')
    await mount.claim()
    await fillMount(path, mount, deps, signal)
  }

  async #cache(mount: CacheMount): Promise<StepMount> {
    const held = this.#caches.get(this.#nameOf(mount))
    if (held === undefined) throw new Error('the caches of a step are taken first')
    await mkdir(dirname(held.path), { recursive: true, mode: 0o700 })
    // One that is there has begun already, and stays while its lock is held.
    const isNew = !existsSync(held.path)
    const seed = mount.seed === undefined || !isNew ? undefined : await this.#treeOf(this.#inputs[mount.seed] ?? [])
    const { mode, uid, gid } = mount
    const place = { path: bytesOfText(held.path), source: bytesOfText(mount.source), seed }
    return { ...common(mount.target, mount.readOnly), kind: 'folder', ...place, mode, uid, gid }
  }

  async #secret(mount: Granted & { readonly env: string | undefined }): Promise<void> {
    const content = await this.#context.deps.lent.secret(mount.id)
    if (content === undefined) return // one that is required was asked for before anything ran
    this.masked.push(...maskedParts(content))
    if (mount.env !== undefined) this.env.push(secretVariable(mount.env, content, mount))
    if (mount.target === undefined) return
    const { mode, uid, gid } = mount
    this.mounts.push({ ...common(mount.target, true), kind: 'file', content, mode, uid, gid })
  }

  async #device(name: string): Promise<void> {
    const { lent, emit } = this.#context.deps
    const edits = await lent.device(name)
    if (edits === undefined) return // one that is required was looked for before anything ran
    this.env.push(...edits.env)
    this.groups.push(...edits.groups)
    for (const { path, target, readOnly } of edits.binds)
      this.mounts.push({ ...common(target, readOnly), kind: 'host', path: bytesOfText(path) })
    if (edits.hooks.length > 0)
      emit({ kind: 'note', message: `device ${name}: its hooks (${edits.hooks.join(', ')}) are programs of the host and are not run` })
  }

  async #agent(mount: Granted): Promise<void> {
    const { deps, signal } = this.#context
    if (!deps.lent.hasAgent(mount.id)) return
    const path = await deps.store.temporary()
    this.#opened.push(await deps.lent.serveAgent(mount.id, path, signal))
    const target = mount.target ?? `/run/buildkit/ssh_agent.${this.#agents}`
    if (this.#agents++ === 0) this.env.push(bytesOfText(`SSH_AUTH_SOCK=${target}`))
    const { mode, uid, gid } = mount
    this.mounts.push({ ...common(target, false), kind: 'socket', path: bytesOfText(path), mode, uid, gid })
  }
}

function common(target: string, readOnly: boolean) {
  return { target: bytesOfText(target), readOnly }
}
