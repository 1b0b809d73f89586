import { array, type BaseIssue, type BaseSchema, type InferOutput, looseObject, optional, safeParse, string } from 'valibot'
import { type ErrorCode, hasCode, TsbuildError } from '../oci/error.ts'
import type { HttpResponse } from './transport.ts'
import { showUrl } from './transport-error.ts'

/** No error body is read further. */
export const MAX_ERROR_BYTES = 64 << 10

const errorSchema = looseObject({
  errors: array(looseObject({ code: optional(string()), message: optional(string()) })),
})

/** Reads a body whole; throws RESPONSE_TOO_LARGE as soon as it passes `maxBytes`, whatever its Content-Length said. */
export async function readCapped(response: HttpResponse, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body) {
    size += chunk.length
    if (size > maxBytes) throw new TsbuildError('RESPONSE_TOO_LARGE', `${showUrl(response.url)}: answer larger than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, size)
}

/**
 * The error for an answer that was not the expected one. `what` says what was asked (`pull of X`, `upload of sha256:...`). Consumes the body, which
 * is capped, cleared of control characters and of the queries of URLs. Codes: REGISTRY_DENIED (401, 403), NOT_FOUND, RATE_LIMITED, REGISTRY_TOO_LARGE,
 * REGISTRY_ERROR. distribution-spec v1.1, "Error Codes".
 */
export async function registryError(response: HttpResponse, what: string): Promise<TsbuildError> {
  const { status, url } = response
  const reason = await reasonOf(response)
  const message = `${what}: ${url.host} answered ${status}${reason === '' ? '' : `: ${reason}`}`
  return new TsbuildError(codeOf(status), message, { hint: hintOf(status, url.host) })
}

/** A small JSON body -> checked value. Nothing of the body enters the error: it may hold tokens. Throws REGISTRY_ERROR. */
export function readAnswer<S extends BaseSchema<unknown, unknown, BaseIssue<unknown>>>(
  schema: S,
  bytes: Uint8Array,
  what: string,
): InferOutput<S> {
  const result = safeParse(schema, parseJson(bytes))
  if (result.success) return result.output
  throw new TsbuildError('REGISTRY_ERROR', `${what}: the answer is not what the protocol says`)
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    return undefined // Fails the schema; the parser's message would quote the body.
  }
}

async function reasonOf(response: HttpResponse): Promise<string> {
  const bytes = await readCapped(response, MAX_ERROR_BYTES).catch((error) => {
    // An error page that is too long, or cut, is still an error page.
    if (['RESPONSE_TOO_LARGE', 'CONNECTION_LOST', 'REGISTRY_TIMEOUT'].some((code) => hasCode(error, code as ErrorCode)))
      return new Uint8Array()
    throw error
  })
  const parsed = safeParse(errorSchema, parseJson(bytes))
  if (!parsed.success) return ''
  const texts = parsed.output.errors.slice(0, 3).map(({ code, message }) => [code, message].filter((part) => part !== undefined).join(' '))
  return clean(texts.join('; '))
}

/** Text from outside for one line of a terminal. */
export function clean(text: string): string {
  return text
    .slice(0, 4096)
    .replace(/\b(https?:\/\/)(?:[^\s/@?#]*@)?([^\s?#]*)[?#]\S*/g, '$1$2')
    .replace(/\b(https?:\/\/)[^\s/@?#]*@/g, '$1')
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .slice(0, 500)
}

function codeOf(status: number): ErrorCode {
  if (status === 401 || status === 403) return 'REGISTRY_DENIED'
  if (status === 404) return 'NOT_FOUND'
  if (status === 429) return 'RATE_LIMITED'
  return status === 413 ? 'REGISTRY_TOO_LARGE' : 'REGISTRY_ERROR'
}

function hintOf(status: number, host: string): string | undefined {
  if (status === 401 || status === 403) return `log in with \`tsbuild login ${host}\`; the repository may also not exist or not be yours`
  if (status === 429) return 'the registry limits how often it may be asked: wait, or log in'
  return undefined
}
