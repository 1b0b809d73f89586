import type { DiffID } from '../../registry/oci/digest.ts'

/**
 * What a store holds, by what it is for:
 *
 *   image      what a name leads to
 *   step       the record of a step that was done, with its layer
 *   snapshot   a layer unpacked, for steps that run on it
 *   mount      what RUN --mount=type=cache keeps
 *   download   what a URL gave, or a part of a blob that is still to come
 *   git        what was fetched of a repository
 *   context    digests of the files of a folder
 *   explain    what --explain and `why` tell from
 *   internal   what pushes, the registry and steps at work keep
 *   leftover   what nothing leads to
 */
export const KINDS = ['image', 'step', 'snapshot', 'mount', 'download', 'git', 'context', 'explain', 'internal', 'leftover'] as const
export type Kind = (typeof KINDS)[number]

/** One thing in the store. */
export interface Entry {
  readonly kind: Kind
  /** Name of an image, key of a step, ChainID of a snapshot without its algorithm, else the name of the file or folder. */
  readonly id: string
  /** For people. From Dockerfiles and registries, so to be escaped. */
  readonly description: string
  /** On the disk, counted by no other entry. */
  readonly bytes: number
  /** Of a step, the part of `bytes` that goes with the last step of its layer only. */
  readonly layerBytes?: number
  /** Milliseconds since the epoch, to within USE_GRAIN_MS; later than that of what was made from it. */
  readonly lastUsed: number
  /** Whether pruning may take it. */
  readonly reclaimable: boolean
  /** An image has the same layer, so that without the entry next to nothing is gained. */
  readonly shared: boolean
  /** The layer of a step, or the topmost of a snapshot: with the last step of a layer its snapshots go. */
  readonly diffID?: DiffID | undefined
  /** Files that are its own. */
  readonly files: readonly string[]
  /** Folders that are its own; what is in them may belong to any id. */
  readonly folders: readonly string[]
}

/** What counts against limits: everything but what names lead to. */
export function isCache({ kind }: Entry): boolean {
  return kind !== 'image'
}

export function bytesOf(entries: Iterable<Entry>): number {
  let sum = 0
  for (const { bytes } of entries) sum += bytes
  return sum
}
