import type { Descriptor } from '../../../registry/oci/descriptor.ts'
import { digestOf } from '../../../registry/oci/digest.ts'
import { OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from '../../../registry/oci/media-type.ts'
import type { Blobs } from '../../../registry/store/blobs.ts'

type Put = Pick<Blobs, 'put'>

export async function putBlob(blobs: Put, mediaType: string, content: string | Uint8Array): Promise<Descriptor> {
  const bytes = Buffer.from(content)
  return { mediaType, digest: await blobs.put(bytes), size: bytes.length }
}

/** An image whose layers are these texts: tars only by name, which is enough where nothing is unpacked. */
export async function putImage(blobs: Put, layers: readonly string[], architecture = 'amd64'): Promise<Descriptor> {
  const layerBlobs = await Promise.all(layers.map((text) => putBlob(blobs, OCI_LAYER, text)))
  const rootfs = { type: 'layers', diff_ids: layers.map((text) => digestOf(text)) }
  const config = await putBlob(blobs, OCI_CONFIG, JSON.stringify({ architecture, os: 'linux', rootfs }))
  return putBlob(blobs, OCI_MANIFEST, JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: layerBlobs }))
}

export async function putIndex(blobs: Put, images: Readonly<Record<string, Descriptor>>): Promise<Descriptor> {
  const manifests = Object.entries(images).map(([platform, image]) => {
    const [os = '', architecture = '', variant] = platform.split('/')
    return { ...image, platform: { os, architecture, ...(variant === undefined ? {} : { variant }) } }
  })
  return putBlob(blobs, OCI_INDEX, JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }))
}
