import { type ChainID, EMPTY_DIFF_ID, nextChainID } from '../registry/oci/chain-id.ts'
import type { DiffID } from '../registry/oci/digest.ts'
import type { LayerBlob } from './snapshotter.ts'

/** A layer of a chain, and the name of the state that it completes. */
export interface Link {
  readonly name: ChainID
  readonly layer: LayerBlob
}

/** The layers that change something, bottom first, each with the ChainID that it has among all of them. An empty layer has no tree of its own. */
export function linksOf(layers: readonly LayerBlob[]): Link[] {
  const links: Link[] = []
  let name: ChainID | undefined
  for (const layer of layers) {
    name = nextChainID(name, layer.diffID)
    if (layer.diffID !== EMPTY_DIFF_ID) links.push({ name, layer })
  }
  return links
}

/** A snapshot to be made: `layers` unpacked one after the other onto the state of `base`. */
export interface Unit {
  readonly name: ChainID
  /** Of the topmost layer. */
  readonly diffID: DiffID
  readonly base: readonly Link[]
  readonly layers: readonly LayerBlob[]
}
