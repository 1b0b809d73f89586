import { looseObject, number, optional, string } from 'valibot'
import { readDocument } from '../oci/document.ts'
import { TsbuildError } from '../oci/error.ts'
import { DOCKER_SCHEMA1, DOCKER_SCHEMA1_SIGNED, isIndexType, isManifestType } from '../oci/media-type.ts'

/** Content types that say nothing, from servers that serve manifests as files. */
const GENERIC = new Set(['application/json', 'application/octet-stream', 'text/plain', 'binary/octet-stream'])

const headSchema = looseObject({ schemaVersion: optional(number()), mediaType: optional(string()) })

/**
 * The one media type on which the body, the Content-Type and the descriptor agree: where they differ, what it is would depend on the reader
 * (CVE-2021-41190). `claims` may be absent. Throws MANIFEST_UNSUPPORTED, MANIFEST_MISMATCH, DOCUMENT_INVALID.
 */
export function mediaTypeOf(bytes: Uint8Array, name: string, claims: readonly (string | undefined)[]): string {
  const head = readDocument(headSchema, bytes, name)
  const claimed = claims
    .map((claim) => claim?.split(';')[0]?.trim().toLowerCase())
    .filter((claim) => claim !== undefined && !GENERIC.has(claim))
  const types = new Set([...claimed, head.mediaType].filter((type) => type !== undefined))
  const [mediaType = 'none'] = types
  if (head.schemaVersion === 1 || mediaType === DOCKER_SCHEMA1 || mediaType === DOCKER_SCHEMA1_SIGNED) {
    throw new TsbuildError('MANIFEST_UNSUPPORTED', `${name}: an image of Docker's first schema, whose content has no digests to check`, {
      hint: 'push it again with a tool of this decade (docker pull, docker push)',
    })
  }
  if (types.size > 1) throw new TsbuildError('MANIFEST_MISMATCH', `${name}: its media type is said to be ${[...types].join(' and ')}`)
  if (isIndexType(mediaType) || isManifestType(mediaType)) return mediaType
  throw new TsbuildError('MANIFEST_UNSUPPORTED', `${name}: neither a manifest nor an index but ${JSON.stringify(mediaType.slice(0, 200))}`)
}
