import { rm } from 'node:fs/promises'
import type { StepReply, StepRequest, TreeRequest } from '../native/requests/trees.ts'
import { bytesOfText } from '../native/wire.ts'
import type { ChainID } from '../registry/oci/chain-id.ts'
import { asDiffID, type DiffID, digestFromBytes } from '../registry/oci/digest.ts'
import { hasCode } from '../registry/oci/error.ts'
import type { TreeHelper } from './deps.ts'
import { sealFailure, stepFailure } from './failures.ts'
import type { ActiveSnapshot, LayerOutput, Sealed, StepOutput } from './snapshotter.ts'
import type { StepFolder } from './step-folders.ts'

/** Moves a finished tree to its place, whoever is first. */
export type Publish = (folder: StepFolder, name: ChainID, diffID: DiffID) => Promise<void>

/** One tree under construction, see snapshotter.ts. Calls follow one another, never two at once. */
export class ActiveTree implements ActiveSnapshot {
  readonly #folder: StepFolder
  readonly tree: TreeRequest
  readonly #helper: TreeHelper
  readonly #publish: Publish
  #sealed: Sealed | undefined
  #gone = false

  constructor(folder: StepFolder, tree: TreeRequest, helper: TreeHelper, publish: Publish) {
    this.#folder = folder
    this.tree = tree
    this.#helper = helper
    this.#publish = publish
  }

  async run(step: Omit<StepRequest, keyof TreeRequest>, output: StepOutput, signal?: AbortSignal): Promise<StepReply> {
    this.#sealed = undefined
    try {
      return await this.#helper.step({ ...step, ...this.tree }, output, signal)
    } catch (error) {
      throw stepFailure(error)
    }
  }

  async seal(files: LayerOutput, signal?: AbortSignal): Promise<Sealed> {
    this.#sealed = await sealTree(this.#helper, this.tree, files, signal)
    return this.#sealed
  }

  async keep(name: ChainID): Promise<void> {
    if (this.#sealed === undefined || this.#gone) throw new Error('keep() follows seal(), once')
    if (this.#sealed.kind === 'empty') return // the state is its parent's, which is there
    await this.#publish(this.#folder, name, this.#sealed.diffID)
    this.#gone = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#gone) return
    this.#gone = true
    await this.#folder.remove().catch((error: unknown) => {
      if (!hasCode(error, 'HELPER_DIED')) throw error // without a helper it stays, and the next `recover` removes it
    })
  }
}

/** The difference of a tree to its parent as a layer. */
export async function sealTree(helper: TreeHelper, tree: TreeRequest, files: LayerOutput, signal?: AbortSignal): Promise<Sealed> {
  const request = { ...files, ...tree, output: bytesOfText(files.output), toc: bytesOfText(files.toc) }
  try {
    const { changes, diffID, tarSize, digest, blobSize } = await helper.seal(request, signal)
    if (changes === 0) return { kind: 'empty' }
    return { kind: 'layer', diffID: asDiffID(digestFromBytes(diffID)), tarSize, digest: digestFromBytes(digest), blobSize }
  } catch (error) {
    // A seal that is aborted is killed, and cannot clean up itself.
    await Promise.all([files.output, files.toc].filter((path) => path !== '').map((path) => rm(path, { force: true })))
    throw sealFailure(error)
  }
}
