import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { NativeOps } from '../../native/ops.ts'
import { bytesOfText } from '../../native/wire.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, type Digest, digestFromBytes, newHash } from '../oci/digest.ts'
import { isNondistributable } from '../oci/media-type.ts'
import type { Platform } from '../oci/platform.ts'
import type { Blobs } from './blobs.ts'
import { type BlobSource, graphOf } from './graph.ts'
import { selectManifest } from './image.ts'
import { encodeIndex, findInLayout, IMAGE_NAME, invalid, LAYOUT_STAMP, type Layout, openLayout, REF_NAME } from './layout.ts'
import { makeFolders } from './make-folders.ts'
import { inParallel } from './parallel.ts'
import { blobPath, type Place } from './place.ts'
import { missing } from './read-blob.ts'
import { mismatch } from './verified.ts'

const COPIES_AT_ONCE = 2

export interface ImportOptions {
  /** Which image of the layout; not needed when there is one. */
  readonly name?: string | undefined
  /** Only this platform of an index. */
  readonly platform?: Platform | undefined
  readonly signal?: AbortSignal | undefined
}

/** One name of an exported image: `refName` in the layout (a tag, as a rule), `imageName` in full. */
export interface ExportName {
  readonly refName?: string | undefined
  readonly imageName?: string | undefined
}

/**
 * Copies an image out of a layout folder into the store, every blob hashed on the way. Gives the descriptor of what was asked for; names nothing.
 * Throws NAME_UNKNOWN, BLOB_MISSING, BLOB_MISMATCH, PLATFORM_MISSING, LAYOUT_INVALID.
 */
export async function importLayout(store: Place & { blobs: Blobs }, layout: Layout, options: ImportOptions = {}): Promise<Descriptor> {
  const entry = findInLayout(layout.manifests, layout.folder, options.name)
  const root = options.platform === undefined ? entry : await selectManifest(layout, entry, options.platform)
  const blobs = await wholeGraph(layout, root)
  await inParallel(blobs, COPIES_AT_ONCE, (blob) => importBlob(store, layout.path(blob.digest), { blob, signal: options.signal }))
  return root
}

/** All blobs of an image. Throws BLOB_MISSING unless each is there; layers that may not be distributed may be absent. */
export async function wholeGraph(source: BlobSource, root: Descriptor): Promise<readonly Descriptor[]> {
  const graph = await graphOf(source, root)
  const absent = graph.missing.find(({ mediaType }) => !isNondistributable(mediaType))
  if (absent !== undefined) throw missing(absent.digest)
  return graph.present
}

/** Copies one blob into the store, unless it is there. Throws BLOB_MISMATCH. */
export async function importBlob(
  store: Place & { blobs: Blobs },
  from: string,
  { blob, signal }: { blob: Descriptor; signal: AbortSignal | undefined },
): Promise<void> {
  if ((await store.blobs.stat(blob.digest)) !== undefined) return
  const temporary = await store.temporary()
  await store.native.clone({ from: bytesOfText(from), to: bytesOfText(temporary) }, signal)
  try {
    if ((await hashFile(store.native, temporary, blob.digest)) !== blob.digest) throw mismatch(blob, blob.size)
    await store.blobs.adopt(temporary, blob.digest, blob.size)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}

async function hashFile(native: NativeOps, path: string, like: Digest): Promise<Digest> {
  if (algorithmOf(like) !== 'sha256') {
    const { createReadStream } = await import('node:fs')
    const hash = newHash(algorithmOf(like))
    for await (const chunk of createReadStream(path)) hash.update(chunk)
    return hash.digest()
  }
  const [hashed] = await native.hash({ root: bytesOfText(dirname(path)), paths: [bytesOfText(basename(path))] })
  if (hashed === undefined) throw new Error('one path, one hash')
  return digestFromBytes(hashed.digest)
}

/**
 * Copies an image into a layout folder, which is made unless it is there; other images in it stay, those of the same names are replaced.
 * Throws LAYOUT_INVALID for a folder that holds something else, BLOB_MISSING.
 */
export async function exportLayout(
  store: Place & { blobs: Blobs },
  image: Descriptor,
  target: { readonly folder: string; readonly names?: readonly ExportName[] },
): Promise<void> {
  const { folder, names = [] } = target
  const blobs = await wholeGraph(store.blobs, image)
  const others = prepareFolder(folder).filter((entry) => !(names.length === 0 ? [{}] : names).some((name) => isSameName(entry, name)))
  await inParallel(blobs, COPIES_AT_ONCE, ({ digest }) => exportBlob(store, folder, digest))
  const index = `${folder}/index.json`
  writeFileSync(`${index}.new`, encodeIndex([...others, ...namedEntries(image, names)]), { mode: 0o644 })
  renameSync(`${index}.new`, index) // last: until then the layout is what it was
}

function prepareFolder(folder: string): readonly Descriptor[] {
  if (existsSync(`${folder}/oci-layout`)) return openLayout(folder).manifests
  makeFolders(folder)
  if (readdirSync(folder).length > 0) throw invalid(folder, 'it holds other files')
  makeFolders(`${folder}/blobs/sha256`)
  writeFileSync(`${folder}/oci-layout`, LAYOUT_STAMP, { mode: 0o644 })
  writeFileSync(`${folder}/index.json`, encodeIndex([]), { mode: 0o644 })
  return []
}

async function exportBlob(store: Place & { blobs: Blobs }, folder: string, digest: Digest): Promise<void> {
  const layout = openLayout(folder)
  const to = layout.path(digest) // refuses links, so that nothing is written elsewhere
  if ((await layout.stat(digest))?.size === (await store.blobs.stat(digest))?.size) return
  makeFolders(dirname(to))
  const temporary = `${folder}/blobs/.${basename(to)}.new`
  rmSync(temporary, { force: true })
  await store.native.clone({ from: bytesOfText(store.blobs.path(digest)), to: bytesOfText(temporary) })
  renameSync(temporary, blobPath(folder, digest))
}

function isSameName(entry: Descriptor, { refName, imageName }: ExportName): boolean {
  const { [REF_NAME]: ref, [IMAGE_NAME]: image } = entry.annotations ?? {}
  if (image !== undefined && imageName !== undefined) return image === imageName
  return ref === refName
}

/** The entries of index.json for an image: one for each name, one without a name when it has none. */
export function namedEntries(image: Descriptor, names: readonly ExportName[]): Descriptor[] {
  return names.length === 0 ? [image] : names.map((name) => namedEntry(image, name))
}

function namedEntry(image: Descriptor, { refName, imageName }: ExportName): Descriptor {
  const names = {
    ...(refName === undefined ? {} : { [REF_NAME]: refName }),
    ...(imageName === undefined ? {} : { [IMAGE_NAME]: imageName }),
  }
  return Object.keys(names).length === 0 ? image : { ...image, annotations: { ...image.annotations, ...names } }
}
