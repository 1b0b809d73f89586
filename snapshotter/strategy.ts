import type { Stacking } from '../native/requests/trees.ts'
import type { ChainID } from '../registry/oci/chain-id.ts'
import type { Link, Unit } from './chain.ts'

/** How states are kept on disk. */
export interface Strategy {
  readonly stacking: Stacking
  /** Most layers that a tree may stand on. */
  readonly maxLowers: number
  /** The snapshots that a tree on top of `links` stands on, the topmost first. */
  lowersOf(links: readonly Link[]): ChainID[]
  /** What is to be unpacked, in this order, so that a tree can be begun on top of `links`. */
  missing(links: readonly Link[], isThere: (name: ChainID) => Promise<boolean>): AsyncIterable<Unit>
}
