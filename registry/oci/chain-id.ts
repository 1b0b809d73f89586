import { type DiffID, type Digest, digestOf } from './digest.ts'

/** Name of a stack of layers, bottom first. image-spec v1.1, config.md, "Layer ChainID". */
export type ChainID = Digest & { readonly of: 'chain' }

/** Digest of the tar that holds nothing: 1024 zero bytes. The layer of a step that changed no file. */
export const EMPTY_DIFF_ID = 'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef' as DiffID

/** The ChainID of `diffIDs`, bottom first; undefined for no layer at all (scratch). */
export function chainIDOf(diffIDs: readonly DiffID[]): ChainID | undefined {
  let chain: ChainID | undefined
  for (const diffID of diffIDs) chain = nextChainID(chain, diffID)
  return chain
}

/** The ChainID of one more layer on top of `parent`. */
export function nextChainID(parent: ChainID | undefined, diffID: DiffID): ChainID {
  return (parent === undefined ? diffID : digestOf(`${parent} ${diffID}`)) as ChainID
}
