import type { PackEntry, PackReply } from '../native/requests/layers.ts'
import { bytesOfText } from '../native/wire.ts'
import { EMPTY_DIFF_ID } from '../registry/oci/chain-id.ts'
import { asDiffID, type DiffID, digestFromBytes } from '../registry/oci/digest.ts'
import { layerTypeOf } from '../registry/oci/media-type.ts'
import type { Sealed } from '../snapshotter/snapshotter.ts'
import type { BuildDeps, LayerRef } from './deps.ts'
import type { SourceTree } from './sources/tree.ts'

/** A layer's blob and table of contents under way: two paths in the store that no file has yet. */
export interface LayerFiles {
  readonly output: string
  readonly toc: string
}

export async function newLayerFiles(deps: BuildDeps): Promise<LayerFiles> {
  return { output: await deps.store.temporary(), toc: await deps.store.temporary() }
}

/** Packs entries, whose contents are in `tree`, into a layer of the store. No entries give the empty layer. */
export async function packLayer(
  entries: readonly PackEntry[],
  tree: Pick<SourceTree, 'roots' | 'blobs'>,
  deps: BuildDeps,
  signal: AbortSignal,
): Promise<LayerRef> {
  const files = await newLayerFiles(deps)
  const { codec, level } = deps.compression
  const request = {
    output: bytesOfText(files.output),
    toc: bytesOfText(files.toc),
    roots: tree.roots,
    blobs: tree.blobs,
    entries,
    codec,
    level,
    threads: 0,
  }
  return publish(await deps.native.pack(request, signal), files, deps)
}

/** The layer of a sealed step. */
export async function sealedLayer(sealed: Sealed, files: LayerFiles, deps: BuildDeps, signal: AbortSignal): Promise<LayerRef> {
  if (sealed.kind === 'empty') return (await knownLayer(EMPTY_DIFF_ID, deps)) ?? packLayer([], { roots: [], blobs: [] }, deps, signal)
  const { diffID, digest, blobSize } = sealed
  return adopt(diffID, { digest, size: blobSize, mediaType: layerTypeOf(deps.compression.codec) }, files, deps)
}

/** Stands for the codec of a blob that came with a shared cache. */
export const IMPORTED = 'imported'

/** The layer in the store, compressed as this build wants it, or as a shared cache had it; undefined when it is not there. */
export async function knownLayer(diffID: DiffID, deps: BuildDeps): Promise<LayerRef | undefined> {
  const { layers } = deps.store
  const blob = (await layers.find(diffID, deps.compression.id)) ?? (await layers.find(diffID, IMPORTED))
  return blob === undefined ? undefined : { diffID, blob }
}

function publish(packed: PackReply, files: LayerFiles, deps: BuildDeps): Promise<LayerRef> {
  const blob = { digest: digestFromBytes(packed.digest), size: packed.blobSize, mediaType: layerTypeOf(deps.compression.codec) }
  return adopt(asDiffID(digestFromBytes(packed.diffID)), blob, files, deps)
}

/** Table of contents and blob first, then the entry that says so: a reader that finds the entry finds both. */
async function adopt(diffID: DiffID, blob: LayerRef['blob'], files: LayerFiles, deps: BuildDeps): Promise<LayerRef> {
  await deps.store.tocs.adopt(files.toc, diffID)
  await deps.store.blobs.adopt(files.output, blob.digest, blob.size)
  await deps.store.layers.add(diffID, deps.compression.id, blob)
  return { diffID, blob }
}
