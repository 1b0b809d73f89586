import { type BaseIssue, type BaseSchema, type InferOutput, safeParse } from 'valibot'
import { TsbuildError } from './error.ts'

/** Larger manifests and indexes are refused; the distribution-spec asks for 4 MiB. */
export const MAX_MANIFEST_BYTES = 4 << 20
/** Larger image configs are refused. */
export const MAX_CONFIG_BYTES = 8 << 20
const MAX_DEPTH = 64

/**
 * JSON from outside -> checked value. `what` names the document in the error (DOCUMENT_INVALID), with the path of the first field that is wrong.
 * The caller keeps the bytes: digests are of bytes, so what was fetched is never written again from the parsed form.
 */
export function readDocument<S extends BaseSchema<unknown, unknown, BaseIssue<unknown>>>(
  schema: S,
  bytes: Uint8Array,
  what: string,
): InferOutput<S> {
  const result = safeParse(schema, parseJson(bytes, what))
  if (result.success) return result.output
  const issue = result.issues[0]
  const where = issue.path?.map((item) => String(item.key)).join('.') ?? ''
  throw new TsbuildError('DOCUMENT_INVALID', `${what}: ${where === '' ? '' : `${where}: `}${issue.message}`)
}

function parseJson(bytes: Uint8Array, what: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new TsbuildError('DOCUMENT_INVALID', `${what}: not JSON`, { cause })
  }
  if (isDeeper(value, MAX_DEPTH)) throw new TsbuildError('DOCUMENT_INVALID', `${what}: nested deeper than ${MAX_DEPTH}`)
  return value
}

function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return depth === 0 || Object.values(value).some((item) => isDeeper(item, depth - 1))
}
