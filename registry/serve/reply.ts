import { hasCode, TsbuildError } from '../oci/error.ts'

/** An answer, before it is sent. */
export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** For HEAD the body is not sent, but its length is in the headers. */
  readonly body?: Uint8Array | AsyncIterable<Uint8Array> | undefined
}

/** distribution-spec v1.1, "Error Codes", and those of its implementations that clients know. */
export type SpecCode =
  | 'BLOB_UNKNOWN'
  | 'BLOB_UPLOAD_INVALID'
  | 'BLOB_UPLOAD_UNKNOWN'
  | 'DENIED'
  | 'DIGEST_INVALID'
  | 'MANIFEST_BLOB_UNKNOWN'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'PAGINATION_NUMBER_INVALID'
  | 'RANGE_INVALID'
  | 'SIZE_INVALID'
  | 'TAG_INVALID'
  | 'TOOMANYREQUESTS'
  | 'UNKNOWN'
  | 'UNSUPPORTED'

export function reply(status: number, headers: Readonly<Record<string, string>> = {}, body?: Reply['body']): Reply {
  return { status, headers, body }
}

export function json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Reply {
  const body = Buffer.from(JSON.stringify(value))
  return { status, headers: { 'content-type': 'application/json', 'content-length': String(body.length), ...headers }, body }
}

/** The error document of the specification. */
export function refuse(status: number, code: SpecCode, message: string, headers: Readonly<Record<string, string>> = {}): Reply {
  return json(status, { errors: [{ code, message }] }, headers)
}

/** What went wrong inside -> an answer; undefined for what is neither the client's fault nor the disk's, but ours. */
export function refusalOf(error: unknown): Reply | undefined {
  if (!(error instanceof TsbuildError)) return undefined
  if (hasCode(error, 'DIGEST_INVALID')) return refuse(400, 'DIGEST_INVALID', error.message)
  if (hasCode(error, 'BLOB_MISSING')) return refuse(404, 'BLOB_UNKNOWN', error.message)
  if (hasCode(error, 'DOCUMENT_INVALID')) return refuse(400, 'MANIFEST_INVALID', error.message)
  if (hasCode(error, 'STORE_WRITE')) return refuse(507, 'UNKNOWN', error.message)
  return undefined
}
