/** Media types of the OCI image-spec v1.1 (media-types.md) and Docker's schema 2 equivalents. */
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json'
export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
export const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json'
export const OCI_EMPTY = 'application/vnd.oci.empty.v1+json'
export const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar'
export const OCI_LAYER_GZIP = 'application/vnd.oci.image.layer.v1.tar+gzip'
export const OCI_LAYER_ZSTD = 'application/vnd.oci.image.layer.v1.tar+zstd'
export const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json'
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'
export const DOCKER_CONFIG = 'application/vnd.docker.container.image.v1+json'
export const DOCKER_SCHEMA1 = 'application/vnd.docker.distribution.manifest.v1+json'
export const DOCKER_SCHEMA1_SIGNED = 'application/vnd.docker.distribution.manifest.v1+prettyjws'

export type Codec = 'none' | 'gzip' | 'zstd'

export function isIndexType(mediaType: string): boolean {
  return mediaType === OCI_INDEX || mediaType === DOCKER_LIST
}

export function isManifestType(mediaType: string): boolean {
  return mediaType === OCI_MANIFEST || mediaType === DOCKER_MANIFEST
}

/** Layers that a registry may not serve ("foreign"); never fetched from their `urls`, never pushed. image-spec v1.1, layer.md. */
export function isNondistributable(mediaType: string): boolean {
  return mediaType.includes('nondistributable') || mediaType.includes('.foreign.')
}

/** How a layer of this media type is compressed; undefined when it is no layer we can read. */
export function codecOf(mediaType: string): Codec | undefined {
  if (!/^application\/vnd\.(oci\.image\.layer\.|docker\.image\.rootfs\.)/.test(mediaType)) return undefined
  if (mediaType.endsWith('gzip')) return 'gzip'
  if (mediaType.endsWith('zstd')) return 'zstd'
  return mediaType.endsWith('.tar') ? 'none' : undefined
}

export function layerTypeOf(codec: Codec): string {
  return codec === 'gzip' ? OCI_LAYER_GZIP : codec === 'zstd' ? OCI_LAYER_ZSTD : OCI_LAYER
}
