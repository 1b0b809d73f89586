import type { PackEntry } from '../../native/requests/layers.ts'
import { bytesOfText, textOfBytes } from '../../native/wire.ts'
import { type Digest, digestOf } from '../../registry/oci/digest.ts'
import type { BuildDeps } from '../deps.ts'
import { readMode } from '../dockerfile/mode.ts'
import { located } from '../located.ts'
import type { CopyOperation } from '../plan/graph.ts'
import type { SourceTree } from '../sources/tree.ts'
import { Placement, type Target } from './place.ts'
import { placeArchive } from './place-archive.ts'
import { chooseFiles } from './remote.ts'
import { type FileList, listFiles, type Selection } from './select.ts'
import { type Archive, readArchive } from './unpack.ts'
import { chownOwner, isNumericOwner, type Owner, type UserFiles } from './users.ts'

/** What a COPY found, and the digest of it that goes into the key. */
export interface Chosen {
  readonly tree: SourceTree
  readonly selections: readonly Selection[]
  readonly content: Digest
  /** What the digest is made of, but for heredocs. */
  readonly files: FileList
  /** What ADD unpacks, by selection. */
  readonly archives: ReadonlyMap<Selection, Archive>
}

export async function choose(operation: CopyOperation, from: SourceTree, deps: BuildDeps, signal: AbortSignal): Promise<Chosen> {
  const { tree, selections } = await chooseFiles(operation, from, deps, signal)
  const files = await listFiles(tree, selections)
  const inline = operation.inline.map(({ name, content: text }) => [name, text])
  const fetched = selections.flatMap(({ isFetched }, index) => (isFetched === true ? [index] : []))
  const more = [...(inline.length === 0 ? [] : [inline]), ...(fetched.length === 0 ? [] : [{ fetched }])]
  const content = more.length === 0 ? files.digest : digestOf(JSON.stringify([files.digest, ...more]))
  return { tree, selections, content, files, archives: new Map() }
}

/** Finds out which of the files that an ADD chose are archives. Only for a step that has to be done: it reads them. */
export async function findArchives(operation: CopyOperation, chosen: Chosen, deps: BuildDeps, signal: AbortSignal): Promise<Chosen> {
  if (!operation.add || operation.unpack === false) return chosen
  const archives = new Map<Selection, Archive>()
  for (const selection of chosen.selections) {
    const { entry } = selection
    if (!(operation.unpack ?? selection.isFetched !== true)) continue
    const path = entry.type === 'file' ? await chosen.tree.archiveFile(entry, signal) : undefined
    const archive = path === undefined ? undefined : await readArchive({ path, name: textOfBytes(entry.path) }, deps, signal)
    if (archive !== undefined) archives.set(selection, archive)
  }
  return { ...chosen, archives }
}

/** Where `native.pack` finds the contents of `copyEntries`. */
export function packSources({ tree, archives }: Chosen): Pick<SourceTree, 'roots' | 'blobs'> {
  return { roots: tree.roots, blobs: [...tree.blobs, ...archives.values()] }
}

async function ownerOf({ chownAt, at }: CopyOperation, chown: string, users: () => Promise<UserFiles>): Promise<Owner> {
  try {
    return chownOwner(chown, isNumericOwner(chown) ? { passwd: undefined, group: undefined } : await users())
  } catch (error) {
    throw located(error, chownAt ?? at)
  }
}

/** The entries of the layer that a COPY makes over `target`. `users` is asked only where --chown has a name. */
export async function copyEntries(
  operation: CopyOperation,
  chosen: Chosen,
  target: Target,
  users: () => Promise<UserFiles>,
): Promise<PackEntry[]> {
  const { chown, chmod } = operation
  const owner = chown === undefined ? undefined : await ownerOf(operation, chown, users)
  const placement = new Placement(target, {
    owner,
    chmod: chmod === undefined ? undefined : readMode(chmod),
    time: { seconds: operation.time, nanoseconds: 0 },
  })
  const destination = bytesOfText(operation.destination)
  const blobs = [...chosen.archives.keys()]
  for (const selection of chosen.selections) {
    const archive = chosen.archives.get(selection)
    if (archive === undefined) await placement.copy(chosen.tree, selection, destination)
    else await placeArchive(placement, archive, chosen.tree.blobs.length + blobs.indexOf(selection), destination)
  }
  for (const file of operation.inline) await placement.inline(bytesOfText(file.name), Buffer.from(file.content), destination)
  return placement.entries()
}
