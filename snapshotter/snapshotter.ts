import type { PackOptions } from '../native/requests/layers.ts'
import type { StepReply, StepRequest, TreeRequest } from '../native/requests/trees.ts'
import type { ChainID } from '../registry/oci/chain-id.ts'
import type { DiffID, Digest } from '../registry/oci/digest.ts'
import type { Codec } from '../registry/oci/media-type.ts'

/** A layer as bytes in the store, to be unpacked when its files are needed. */
export interface LayerBlob {
  readonly diffID: DiffID
  readonly path: string
  readonly codec: Codec
}

/** What a sealed step added: a layer in two new temporary files, or nothing. */
export type Sealed =
  | { readonly kind: 'empty' }
  | { readonly kind: 'layer'; readonly diffID: DiffID; readonly tarSize: number; readonly digest: Digest; readonly blobSize: number }

/** Two new files, and how the layer in the first is compressed. */
export type LayerOutput = { readonly output: string; readonly toc: string } & PackOptions

/** Output of a running command. */
export interface StepOutput {
  /** A promise that is returned holds the command back until it resolves. */
  stdout(bytes: Uint8Array): void | Promise<void>
  stderr(bytes: Uint8Array): void | Promise<void>
  /** Read to its end only while the command runs. */
  readonly stdin?: AsyncIterable<Uint8Array>
}

/**
 * File-system states. A state is named by its ChainID once sealed, and lives in a folder of its own under `steps/` while a command may change it.
 *
 *   prepare(layers)  every layer of the chain is unpacked, bottom first, unless its snapshot is there already
 *   begin(layers)    a new active state on top of that chain
 *   active.run()     one command in it
 *   active.seal()    the difference to its parent as a layer
 *   active.keep()    the sealed state becomes the snapshot of its ChainID, so that the next step starts there without unpacking
 *   dispose          an active state that was not kept is removed
 *
 * Snapshots are a cache: each can be made again from the blobs. Two processes may unpack the same one; the first rename wins.
 */
export interface Snapshotter extends AsyncDisposable {
  /** Unpacks what is missing. Throws LAYER_INVALID for a layer that cannot be one, BLOB_MISMATCH when it is not its diffID. */
  prepare(layers: readonly LayerBlob[], signal?: AbortSignal): Promise<void>
  begin(layers: readonly LayerBlob[], signal?: AbortSignal): Promise<ActiveSnapshot>
  /** Removes the snapshots of these names. */
  remove(names: readonly ChainID[]): Promise<void>
  /** All that is in a folder (its `fs`, as of a cache mount) as a layer. Nobody may use it meanwhile. */
  packFolder(path: string, files: LayerOutput, signal?: AbortSignal): Promise<Sealed>
  /** Makes a folder of these layers, whole or not at all; one that is there stays as it is. Throws what `prepare` throws. */
  fillFolder(path: string, layers: readonly LayerBlob[], signal?: AbortSignal): Promise<void>
  /** Takes folders of the store out of their places, each at once, and then removes them, whoever owns what is in them; one that is not there is fine. */
  discard(paths: readonly string[]): Promise<void>
}

export interface ActiveSnapshot extends AsyncDisposable {
  /** Throws USER_UNMAPPED for ids that are not to be had here, WORKDIR_INVALID when it cannot start where it is to. */
  run(step: Omit<StepRequest, keyof TreeRequest>, output: StepOutput, signal?: AbortSignal): Promise<StepReply>
  seal(files: LayerOutput, signal?: AbortSignal): Promise<Sealed>
  keep(name: ChainID): Promise<void>
  /** How another step can mount this state; what it changes there goes with the state. */
  readonly tree: TreeRequest
}
