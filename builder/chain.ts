import { chainIDOf } from '../registry/oci/chain-id.ts'
import { TsbuildError } from '../registry/oci/error.ts'
import { type Codec, codecOf } from '../registry/oci/media-type.ts'
import type { LayerFile } from '../registry/store/tocs.ts'
import { type MergedView, openView } from '../registry/store/view.ts'
import type { LayerBlob } from '../snapshotter/snapshotter.ts'
import type { BuildDeps, LayerRef } from './deps.ts'

/** Identity of a file system for keys: the ChainID of its layers, or a word for none. */
export function identityOf(layers: readonly LayerRef[]): string {
  return chainIDOf(layers.map((layer) => layer.diffID)) ?? 'scratch'
}

/** The layers as files of the store; those that are not there yet are fetched from where they are known to be. */
export async function layerFiles(layers: readonly LayerRef[], deps: BuildDeps, signal: AbortSignal): Promise<(LayerFile & LayerBlob)[]> {
  await deps.fetchAbsent(
    layers.map(({ blob }) => blob),
    signal,
  )
  return layers.map(({ diffID, blob }) => ({ diffID, path: deps.store.blobs.path(blob.digest), codec: codecOfLayer(blob.mediaType) }))
}

/** What is where in the file system that these layers make. */
export async function viewOf(layers: readonly LayerRef[], deps: BuildDeps, signal: AbortSignal): Promise<MergedView> {
  return openView({ tocs: deps.store.tocs, native: deps.native }, await layerFiles(layers, deps, signal), signal)
}

function codecOfLayer(mediaType: string): Codec {
  const codec = codecOf(mediaType)
  if (codec === undefined) throw new TsbuildError('LAYER_UNSUPPORTED', `a layer of media type ${mediaType} cannot be read`)
  return codec
}
