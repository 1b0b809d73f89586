import { TsbuildError } from '../oci/error.ts'

const TIMEOUTS = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT'])
const UNREACHABLE = new Set(['ENOTFOUND', 'ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL'])
const CERTIFICATE =
  /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERR_TLS_CERT|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_|UND_ERR_PRX_TLS)/

/** A URL as messages show it: signed links carry secrets in their query, careless users in the user part. */
export function showUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`
}

/** What undici or a socket threw -> one error a user may see. Cancellation passes as it is. */
export function transportError(url: URL, error: unknown): unknown {
  if (error instanceof TsbuildError) return error
  const code = codeOf(error)
  if (code === 'ABORT_ERR' || (error as { name?: unknown } | undefined)?.name === 'AbortError') return error
  const where = showUrl(url)
  const why = oneLine(error)
  if (CERTIFICATE.test(code)) {
    return new TsbuildError('CERTIFICATE_UNTRUSTED', `${url.host}: certificate not trusted: ${why}`, {
      cause: error,
      hint: `put its authority into /etc/containers/certs.d/${url.host}/ca.crt, or name it with SSL_CERT_FILE`,
    })
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_') || /before secure TLS connection/.test(why)) {
    return new TsbuildError('TLS_FAILED', `${url.host}: no TLS connection: ${why}`, { cause: error })
  }
  if (TIMEOUTS.has(code)) return new TsbuildError('REGISTRY_TIMEOUT', `${where}: timed out: ${why}`, { cause: error })
  if (UNREACHABLE.has(code)) {
    return new TsbuildError('REGISTRY_UNREACHABLE', `cannot reach ${url.host}: ${why}`, {
      cause: error,
      hint: 'check the name and the network; HTTPS_PROXY and NO_PROXY are honoured',
    })
  }
  return new TsbuildError('CONNECTION_LOST', `${where}: connection lost: ${why}`, { cause: error })
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code
  return typeof code === 'string' ? code : ''
}

function oneLine(error: unknown): string {
  // With several addresses Node throws an AggregateError, whose own message is empty.
  const first = error instanceof AggregateError ? error.errors[0] : error
  return first instanceof Error ? (first.message.split('\n')[0] ?? '').slice(0, 300) : String(first).slice(0, 300)
}
