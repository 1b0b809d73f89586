import type { PackEntry } from '../../native/requests.ts'
import { bytesOfText } from '../../native/wire.ts'
import { type Digest, digestOf } from '../../registry/oci/digest.ts'
import { readMode } from '../dockerfile/mode.ts'
import type { CopyOperation } from '../plan/graph.ts'
import type { SourceTree } from '../sources/tree.ts'
import { Placement, type Target } from './place.ts'
import { contentDigest, type Selection, select } from './select.ts'
import { chownOwner, isNumericOwner, type UserFiles } from './users.ts'

/** What a COPY found, and the digest of it that goes into the key. */
export interface Chosen {
  readonly tree: SourceTree
  readonly selections: readonly Selection[]
  readonly content: Digest
}

export async function choose(operation: CopyOperation, tree: SourceTree): Promise<Chosen> {
  const selections = await select(tree, operation.sources)
  const content = await contentDigest(tree, selections)
  const inline = operation.inline.map(({ name, content: text }) => [name, text])
  return { tree, selections, content: inline.length === 0 ? content : digestOf(JSON.stringify([content, inline])) }
}

/** The entries of the layer that a COPY makes over `target`. `users` is asked only where --chown has a name. */
export async function copyEntries(
  operation: CopyOperation,
  chosen: Chosen,
  target: Target,
  users: () => Promise<UserFiles>,
): Promise<PackEntry[]> {
  const { chown, chmod } = operation
  const owner =
    chown === undefined ? undefined : chownOwner(chown, isNumericOwner(chown) ? { passwd: undefined, group: undefined } : await users())
  const placement = new Placement(target, {
    owner,
    chmod: chmod === undefined ? undefined : readMode(chmod),
    time: { seconds: operation.time, nanoseconds: 0 },
  })
  const destination = bytesOfText(operation.destination)
  for (const selection of chosen.selections) await placement.copy(chosen.tree, selection, destination)
  for (const file of operation.inline) await placement.inline(bytesOfText(file.name), Buffer.from(file.content), destination)
  return placement.entries()
}
