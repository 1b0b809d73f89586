import { posix } from 'node:path'
import { array, type InferOutput, looseObject, nullish, string } from 'valibot'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { MAX_CONFIG_BYTES, readDocument } from '../oci/document.ts'
import { TsbuildError } from '../oci/error.ts'
import { layerTypeOf, OCI_CONFIG, OCI_MANIFEST } from '../oci/media-type.ts'
import type { Blobs } from './blobs.ts'
import { readImage } from './image.ts'
import { invalid } from './tar.ts'

const MAX_DOCKER_MANIFEST_BYTES = 1 << 20
const MAX_LINKS = 8

/** An image found in an archive, already in the store, with the names the archive gives it. */
export interface ArchiveImage {
  readonly descriptor: Descriptor
  readonly names: readonly string[]
}

export interface Saved {
  readonly digest: Digest
  readonly size: number
}

/** What stands in the archive under which path; only these maps are asked, no file system. */
export class Contents {
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

/** manifest.json as `docker load` reads it, its blobs where an image layout has them. */
export async function dockerManifest(blobs: Blobs, image: Descriptor, RepoTags: readonly string[]): Promise<string> {
  const { manifest } = await readImage(blobs, image)
  const Layers = manifest.layers.map(({ digest }) => blobName(digest))
  return JSON.stringify([{ Config: blobName(manifest.config.digest), RepoTags, Layers }])
}

export function blobName(digest: Digest): string {
  return `blobs/${digest.replace(':', '/')}`
}

const dockerManifestSchema = array(looseObject({ Config: string(), RepoTags: nullish(array(string())), Layers: nullish(array(string())) }))
type DockerImage = InferOutput<typeof dockerManifestSchema>[number]

/** The images that manifest.json lists, each with an OCI manifest put into the store. */
export async function dockerImages(blobs: Blobs, manifest: Saved, contents: Contents): Promise<ArchiveImage[]> {
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
