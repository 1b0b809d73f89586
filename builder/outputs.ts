import type { FileTime } from '../native/requests/fields.ts'
import type { BlobSource, PackEntry } from '../native/requests/layers.ts'
import { bytesOfText } from '../native/wire.ts'
import { viewOf } from './chain.ts'
import type { BuildDeps, LayerRef } from './deps.ts'
import { LayersTree } from './sources/layers.ts'
import { comparePaths, type SourceEntry } from './sources/tree.ts'

/** The file system of one image. */
export interface Tree {
  readonly layers: readonly LayerRef[]
  /** Seconds since the epoch: every file has that time, as with BuildKit's local and tar exporters. */
  readonly epoch: number | undefined
  /** Where it goes in the tar; '' is the top. */
  readonly folder: string
}

/** Writes whole file systems of images as one uncompressed tar at `output`, which must not exist yet: the files as a container would see them. */
export async function writeTrees(trees: readonly Tree[], output: string, signal: AbortSignal, deps: BuildDeps): Promise<void> {
  const blobs: BlobSource[] = []
  const entries: PackEntry[] = []
  for (const tree of [...trees].sort((a, b) => comparePaths(a.folder, b.folder))) {
    const files = new LayersTree(await viewOf(tree.layers, deps, signal), 'the image')
    entries.push(...(await treeEntries(tree, files, blobs.length)))
    blobs.push(...files.blobs)
  }
  const request = { output: bytesOfText(output), toc: '', roots: [], blobs, entries, codec: 'none', level: 0, threads: 0 } as const
  await deps.native.pack(request, signal)
}

/** `firstBlob` is the number of the tree's first blob among those of all trees. */
async function treeEntries({ epoch, folder }: Tree, files: LayersTree, firstBlob: number): Promise<PackEntry[]> {
  const place = { files, firstBlob, above: folder === '' ? '' : `${folder}/`, time: epoch === undefined ? undefined : atSecond(epoch) }
  const first = new Map<string, SourceEntry>()
  const all = [...(await files.below(''))].sort((a, b) => comparePaths(a.path, b.path))
  const entries = all.map((entry) => packEntry(entry, place, first))
  return folder === '' ? entries : [folderEntry(folder, place.time ?? atSecond(0)), ...entries]
}

function atSecond(seconds: number): FileTime {
  return { seconds, nanoseconds: 0 }
}

function folderEntry(path: string, mtime: FileTime): PackEntry {
  const common = { uid: 0, gid: 0, link: '', rdevMajor: 0, rdevMinor: 0, xattrs: [], size: 0 }
  return { ...common, path, type: 'directory', mode: 0o755, mtime, source: { kind: 'none' } }
}

interface Place {
  readonly files: LayersTree
  readonly firstBlob: number
  readonly above: string
  readonly time: FileTime | undefined
}

/** Of several names of one file the first holds it, the others are links to that. */
function packEntry(entry: SourceEntry, { files, firstBlob, above, time }: Place, first: Map<string, SourceEntry>): PackEntry {
  const { type, mode, uid, gid, link, rdevMajor, rdevMinor, xattrs, size, sameFile } = entry
  const common = { path: above + entry.path, mode, uid, gid, mtime: time ?? entry.mtime, rdevMajor, rdevMinor }
  const earlier = sameFile === undefined ? undefined : first.get(sameFile)
  if (earlier !== undefined)
    return { ...common, type: 'hardlink', link: above + earlier.path, xattrs: [], size: 0, source: { kind: 'none' } }
  if (sameFile !== undefined) first.set(sameFile, entry)
  if (type !== 'file') return { ...common, type, link, xattrs, size: 0, source: { kind: 'none' } }
  const content = files.content(entry)
  return { ...common, type, link, xattrs, size, source: content.kind === 'blob' ? { ...content, blob: firstBlob + content.blob } : content }
}
