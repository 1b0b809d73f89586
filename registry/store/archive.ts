import { open } from 'node:fs/promises'
import { posix } from 'node:path'
import type { Descriptor } from '../oci/descriptor.ts'
import { type Digest, isDigest, newHash } from '../oci/digest.ts'
import { MAX_MANIFEST_BYTES } from '../oci/document.ts'
import { readIndex } from '../oci/manifest.ts'
import type { Blobs } from './blobs.ts'
import { type ArchiveImage, blobName, Contents, dockerImages, dockerManifest, type Saved } from './docker-archive.ts'
import { encodeIndex, IMAGE_NAME, LAYOUT_STAMP, REF_NAME } from './layout.ts'
import { type ExportName, namedEntries, wholeGraph } from './layout-copy.ts'
import { type Place, storeWriteError } from './place.ts'
import { invalid, readTar, type TarEntry, type TarFile, tarOfFiles } from './tar.ts'
import { mismatch } from './verified.ts'

/** Files of `docker save` before version 25 that say nothing its config does not. */
const IGNORED = /(^|\/)(VERSION|json|repositories)$/

type Target = Place & { readonly blobs: Blobs }

/**
 * An image as a tar stream: an OCI image layout, with `docker` also the manifest.json that `docker load` and docker-archive readers look for.
 * The same image gives the same bytes. Throws BLOB_MISSING before the first byte when it is not whole.
 */
export async function* writeArchive(
  store: { readonly blobs: Blobs },
  image: Descriptor,
  { names = [], docker = false }: { readonly names?: readonly ExportName[]; readonly docker?: boolean } = {},
): AsyncGenerator<Uint8Array> {
  const blobs = await wholeGraph(store.blobs, image)
  const files = [textFile('oci-layout', LAYOUT_STAMP), textFile('index.json', encodeIndex(namedEntries(image, names)))]
  const tags = names.flatMap(({ imageName }) => imageName ?? [])
  if (docker) files.push(textFile('manifest.json', await dockerManifest(store.blobs, image, tags)))
  yield* tarOfFiles([...files, ...blobs.map(({ digest, size }) => ({ path: blobName(digest), size, content: store.blobs.open(digest) }))])
}

function textFile(path: string, text: string | Uint8Array): TarFile {
  const bytes = Buffer.from(text)
  return { path, size: bytes.length, content: [bytes] }
}

/**
 * Reads an OCI archive or what `docker save` writes (old or new), gzipped or not, into the store, in one pass and bounded memory. Names nothing.
 * Links inside are followed inside. Throws ARCHIVE_INVALID, BLOB_MISMATCH, BLOB_MISSING, DOCUMENT_INVALID.
 */
export async function readArchive(store: Target, source: AsyncIterable<Uint8Array>): Promise<ArchiveImage[]> {
  const contents = new Contents()
  await readTar(source, (entry) => saveEntry(store, entry, contents))
  const index = contents.find('index.json')
  if (index !== undefined && contents.find('oci-layout') !== undefined) return ociImages(store.blobs, index)
  const manifest = contents.find('manifest.json')
  if (manifest === undefined) throw invalid('it has neither oci-layout and index.json nor manifest.json')
  return dockerImages(store.blobs, manifest, contents)
}

async function saveEntry(store: Target, entry: TarEntry, contents: Contents): Promise<void> {
  const path = posix.normalize(entry.path)
  if (entry.kind === 'link') return contents.addLink(path, posix.join(posix.dirname(path), entry.link))
  if (entry.kind === 'file' && !IGNORED.test(path)) contents.addFile(path, await saveBlob(store, entry, digestOfName(path)))
}

/** The digest that `blobs/<alg>/<hex>` promises. */
function digestOfName(path: string): Digest | undefined {
  const digest = /^blobs\/([^/]+)\/([^/]+)$/.exec(path)?.slice(1).join(':')
  return digest !== undefined && isDigest(digest) ? digest : undefined
}

async function saveBlob(store: Target, entry: TarEntry, want: Digest | undefined): Promise<Saved> {
  const temporary = await store.temporary()
  const hash = newHash(want?.startsWith('sha512:') ? 'sha512' : 'sha256')
  const file = await open(temporary, 'wx', 0o600)
  let size = 0
  try {
    for await (const chunk of entry.content) {
      const written = file.writeFile(chunk)
      hash.update(chunk)
      size += chunk.length
      await written
    }
  } catch (cause) {
    throw storeWriteError(store.root, `a blob of the archive (${entry.path})`, cause)
  } finally {
    await file.close()
  }
  const digest = hash.digest()
  if (want !== undefined && want !== digest) throw mismatch({ digest: want, size: entry.size }, size)
  await store.blobs.adopt(temporary, digest, size)
  return { digest, size }
}

async function ociImages(blobs: Blobs, index: Saved): Promise<ArchiveImage[]> {
  const { manifests } = readIndex(await blobs.read(index.digest, MAX_MANIFEST_BYTES), 'index.json')
  const images = new Map<Digest, { descriptor: Descriptor; names: string[] }>()
  for (const entry of manifests) {
    await wholeGraph(blobs, entry)
    const image = images.get(entry.digest) ?? { descriptor: entry, names: [] }
    const name = entry.annotations?.[IMAGE_NAME] ?? entry.annotations?.[REF_NAME]
    if (name !== undefined) image.names.push(name)
    images.set(entry.digest, image)
  }
  return [...images.values()]
}
