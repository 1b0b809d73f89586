import { open } from 'node:fs/promises'
import { posix } from 'node:path'
import { array, type InferOutput, looseObject, nullish, string } from 'valibot'
import type { Descriptor } from '../oci/descriptor.ts'
import { type Digest, isDigest, newHash } from '../oci/digest.ts'
import { MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES, readDocument } from '../oci/document.ts'
import { TsbuildError } from '../oci/error.ts'
import { readIndex } from '../oci/manifest.ts'
import { layerTypeOf, OCI_CONFIG, OCI_MANIFEST } from '../oci/media-type.ts'
import type { Blobs } from './blobs.ts'
import { readImage } from './image.ts'
import { encodeIndex, IMAGE_NAME, LAYOUT_STAMP, REF_NAME } from './layout.ts'
import { type ExportNames, namedEntry, wholeGraph } from './layout-copy.ts'
import { type Place, storeWriteError } from './place.ts'
import { invalid, readTar, type TarEntry, type TarFile, tarOfFiles } from './tar.ts'
import { mismatch } from './verified.ts'

const MAX_DOCKER_MANIFEST_BYTES = 1 << 20
const MAX_LINKS = 8
/** Files of `docker save` before version 25 that say nothing its config does not. */
const IGNORED = /(^|\/)(VERSION|json|repositories)$/

type Target = Place & { readonly blobs: Blobs }

/** An image found in an archive, already in the store, with the names the archive gives it. */
export interface ArchiveImage {
  readonly descriptor: Descriptor
  readonly names: readonly string[]
}

/**
 * An image as a tar stream: an OCI image layout, with `docker` also the manifest.json that `docker load` and docker-archive readers look for.
 * The same image gives the same bytes. Throws BLOB_MISSING before the first byte when it is not whole.
 */
export async function* writeArchive(
  store: { readonly blobs: Blobs },
  image: Descriptor,
  options: ExportNames & { docker?: boolean } = {},
): AsyncGenerator<Uint8Array> {
  const blobs = await wholeGraph(store.blobs, image)
  const files = [textFile('oci-layout', LAYOUT_STAMP), textFile('index.json', encodeIndex([namedEntry(image, options)]))]
  if (options.docker) files.push(textFile('manifest.json', await dockerManifest(store.blobs, image, options)))
  yield* tarOfFiles([...files, ...blobs.map(({ digest, size }) => ({ path: blobName(digest), size, content: store.blobs.open(digest) }))])
}

function textFile(path: string, text: string | Uint8Array): TarFile {
  const bytes = Buffer.from(text)
  return { path, size: bytes.length, content: [bytes] }
}

function blobName(digest: Digest): string {
  return `blobs/${digest.replace(':', '/')}`
}

async function dockerManifest(blobs: Blobs, image: Descriptor, { imageName }: ExportNames): Promise<string> {
  const { manifest } = await readImage(blobs, image)
  const Layers = manifest.layers.map(({ digest }) => blobName(digest))
  return JSON.stringify([{ Config: blobName(manifest.config.digest), RepoTags: imageName === undefined ? [] : [imageName], Layers }])
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

interface Saved {
  readonly digest: Digest
  readonly size: number
}

/** What stands in the archive under which path; only these maps are asked, no file system. */
class Contents {
  readonly #files = new Map<string, Saved>()
  readonly #links = new Map<string, string>()

  addFile(path: string, saved: Saved): void {
    this.#files.set(path, saved)
  }
  addLink(path: string, target: string): void {
    this.#links.set(path, target)
  }
  find(path: string): Saved | undefined {
    let at: string | undefined = posix.normalize(path)
    for (let links = 0; links <= MAX_LINKS && at !== undefined; links++) {
      const saved = this.#files.get(at)
      if (saved !== undefined) return saved
      at = this.#links.get(at)
    }
    return undefined
  }
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

const dockerManifestSchema = array(looseObject({ Config: string(), RepoTags: nullish(array(string())), Layers: nullish(array(string())) }))
type DockerImage = InferOutput<typeof dockerManifestSchema>[number]

async function dockerImages(blobs: Blobs, manifest: Saved, contents: Contents): Promise<ArchiveImage[]> {
  const bytes = await blobs.read(manifest.digest, MAX_DOCKER_MANIFEST_BYTES)
  const images: ArchiveImage[] = []
  for (const image of readDocument(dockerManifestSchema, bytes, 'manifest.json')) {
    images.push({ descriptor: await ociManifestOf(blobs, image, contents), names: image.RepoTags ?? [] })
  }
  return images
}

/** An OCI manifest over the config and layers as they are in the archive; its config keeps its bytes, so the image ID stays. */
async function ociManifestOf(blobs: Blobs, image: DockerImage, contents: Contents): Promise<Descriptor> {
  const config = { mediaType: OCI_CONFIG, ...inArchive(contents, image.Config) }
  if (config.size > MAX_CONFIG_BYTES) throw invalid(`${image.Config}: ${config.size} bytes are too many for a config`)
  const layers: Descriptor[] = []
  for (const path of image.Layers ?? []) {
    const saved = inArchive(contents, path)
    layers.push({ mediaType: await layerTypeOfBlob(blobs, saved.digest), ...saved })
  }
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers }))
  const descriptor = { mediaType: OCI_MANIFEST, digest: await blobs.put(bytes), size: bytes.length }
  await readImage(blobs, descriptor)
  return descriptor
}

function inArchive(contents: Contents, path: string): Saved {
  const saved = contents.find(path)
  if (saved === undefined)
    throw new TsbuildError('ARCHIVE_INVALID', `manifest.json names ${JSON.stringify(path)}, which is not in the archive`)
  return { digest: saved.digest, size: saved.size }
}

/** By the first bytes: docker-archive layers are plain tars as a rule, gzip (RFC 1952) or zstd (RFC 8878) from some writers. */
async function layerTypeOfBlob(blobs: Blobs, digest: Digest): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const part of blobs.open(digest, { end: 4 })) parts.push(part)
  const magic = Buffer.concat(parts).toString('hex')
  return layerTypeOf(magic.startsWith('1f8b') ? 'gzip' : magic === '28b52ffd' ? 'zstd' : 'none')
}
