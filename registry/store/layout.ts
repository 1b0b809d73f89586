import { closeSync, constants, existsSync, fstatSync, lstatSync, openSync, readFileSync, rmSync } from 'node:fs'
import { looseObject, string } from 'valibot'
import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, type Digest, digestOf } from '../oci/digest.ts'
import { readDocument } from '../oci/document.ts'
import { isErrno, TsbuildError } from '../oci/error.ts'
import { readIndex } from '../oci/manifest.ts'
import { OCI_INDEX } from '../oci/media-type.ts'
import type { BlobSource } from './graph.ts'
import { withKeyLock } from './lock.ts'
import { listNames, NAMES_LOCK, type NamedDescriptor, staleIndexPath } from './names.ts'
import { blobPath, type Place, writeWhole } from './place.ts'
import { missing } from './read-blob.ts'
import { mismatch } from './verified.ts'

/** image-spec v1.1, annotations.md: the name in a layout. */
export const REF_NAME = 'org.opencontainers.image.ref.name'
/** The full name, as containerd and docker load read it. */
export const IMAGE_NAME = 'io.containerd.image.name'
/** The text of a layout's `oci-layout` file: image-spec v1.1, image-layout.md. */
export const LAYOUT_STAMP = '{"imageLayoutVersion":"1.0.0"}'
const MAX_STAMP_BYTES = 64 << 10
const MAX_INDEX_BYTES = 16 << 20

/** An image layout folder that somebody else may have made. Nothing outside it is read, and no blob is believed before it is hashed. */
export interface Layout extends BlobSource {
  readonly folder: string
  readonly manifests: readonly Descriptor[]
  /** Throws LAYOUT_INVALID for what is no regular file inside the layout. */
  path(digest: Digest): string
}

const stampSchema = looseObject({ imageLayoutVersion: string() })

/** Throws LAYOUT_INVALID for a folder that is none, DOCUMENT_INVALID. */
export function openLayout(folder: string): Layout {
  const stamp = readDocument(stampSchema, readInside(folder, 'oci-layout', MAX_STAMP_BYTES), `${folder}/oci-layout`)
  if (!stamp.imageLayoutVersion.startsWith('1.')) throw invalid(folder, `imageLayoutVersion ${JSON.stringify(stamp.imageLayoutVersion)}`)
  const { manifests } = readIndex(readInside(folder, 'index.json', MAX_INDEX_BYTES), `${folder}/index.json`)
  return {
    folder,
    manifests,
    path: (digest) => insidePath(folder, digest),
    stat: async (digest) => statInside(folder, digest),
    read: async (digest, maxBytes) => readBlobInside(folder, digest, maxBytes),
  }
}

/** The entry that either annotation calls `name`; without a name, the only entry. Throws NAME_UNKNOWN. */
export function findInLayout(manifests: readonly Descriptor[], where: string, name?: string): Descriptor {
  const isNamed = (entry: Descriptor) => [entry.annotations?.[REF_NAME], entry.annotations?.[IMAGE_NAME], entry.digest].includes(name)
  const found = name === undefined ? manifests : manifests.filter(isNamed)
  const [first] = found
  if (first !== undefined && found.every(({ digest }) => digest === first.digest)) return first
  const names = manifests.map((entry) => entry.annotations?.[REF_NAME] ?? entry.digest)
  const problem = name === undefined ? `${manifests.length} images, and no name to choose one` : `no image called ${JSON.stringify(name)}`
  throw new TsbuildError('NAME_UNKNOWN', `${where}: ${problem}`, {
    hint: names.length === 0 ? undefined : `it has ${names.slice(0, 10).join(', ')}`,
  })
}

/**
 * Makes index.json say what the names say, if a name changed since it was written. To be called after names were changed, once; that it costs as much
 * as there are names is why it is not done with each of them.
 */
export async function refreshIndex(place: Place): Promise<void> {
  if (!existsSync(staleIndexPath(place.root))) return
  await withKeyLock(place, NAMES_LOCK, async () => {
    await writeWhole(place, `${place.root}/index.json`, indexOfNames(listNames(place.root)))
    rmSync(staleIndexPath(place.root), { force: true })
  })
}

/** index.json of these names: the full name is the name in the layout, as in `skopeo inspect oci:STORE:docker.io/library/app:latest`. */
export function indexOfNames(names: readonly NamedDescriptor[]): Uint8Array {
  return encodeIndex(
    names.map(({ name, descriptor }) => ({
      ...descriptor,
      annotations: { ...descriptor.annotations, [REF_NAME]: name, [IMAGE_NAME]: name },
    })),
  )
}

export function encodeIndex(manifests: readonly Descriptor[]): Uint8Array {
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }))
}

/** No component below the folder may be a link, so that nothing outside is opened. */
function insidePath(folder: string, digest: Digest): string {
  const path = blobPath(folder, digest)
  for (const parent of [`${folder}/blobs`, `${folder}/blobs/${algorithmOf(digest)}`]) {
    if (lstatSync(parent, { throwIfNoEntry: false })?.isSymbolicLink()) throw invalid(folder, `${parent} is a symbolic link`)
  }
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (stat !== undefined && !stat.isFile()) throw invalid(folder, `${path} is no regular file`)
  return path
}

function statInside(folder: string, digest: Digest): { size: number } | undefined {
  const stat = lstatSync(insidePath(folder, digest), { throwIfNoEntry: false })
  return stat === undefined ? undefined : { size: stat.size }
}

function readBlobInside(folder: string, digest: Digest, maxBytes: number): Uint8Array {
  if (statInside(folder, digest) === undefined) throw missing(digest)
  const bytes = readInside(folder, insidePath(folder, digest).slice(folder.length + 1), maxBytes)
  if (digestOf(bytes, algorithmOf(digest)) !== digest) throw mismatch({ digest, size: bytes.length }, bytes.length)
  return bytes
}

function readInside(folder: string, name: string, maxBytes: number): Uint8Array {
  const fd = openInside(folder, name)
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile()) throw invalid(folder, `${name} is no regular file`)
    if (stat.size > maxBytes) throw invalid(folder, `${name} has ${stat.size} bytes, at most ${maxBytes} are read`)
    return readFileSync(fd)
  } finally {
    closeSync(fd)
  }
}

function openInside(folder: string, name: string): number {
  try {
    return openSync(`${folder}/${name}`, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK) // a fifo must not hold us up
  } catch (cause) {
    const why = isErrno(cause, 'ENOENT') ? 'is not there' : isErrno(cause, 'ELOOP') ? 'is a symbolic link' : 'cannot be read'
    throw new TsbuildError('LAYOUT_INVALID', `${folder} is no image layout: ${name} ${why}`, { cause })
  }
}

export function invalid(folder: string, why: string): TsbuildError {
  return new TsbuildError('LAYOUT_INVALID', `${folder} is no image layout: ${why}`)
}
