import { TsbuildError } from '../../registry/oci/error.ts'
import type { Lent } from '../deps.ts'

/**
 * The Authorization header that a secret has for the host of a URL: `HTTP_AUTH_HEADER_<host>` as it is, or `HTTP_AUTH_TOKEN_<host>` as a bearer token.
 * The host has its port when the URL has one. Throws SECRET_INVALID for what cannot be in a header; the message never has the value.
 */
export async function authorizationFor({ host }: URL, secret: Lent['secret']): Promise<string | undefined> {
  const header = await textOf(`HTTP_AUTH_HEADER_${host}`, secret)
  if (header !== undefined) return header
  const token = await textOf(`HTTP_AUTH_TOKEN_${host}`, secret)
  return token === undefined ? undefined : `Bearer ${token}`
}

/**
 * The same for a repository: `GIT_AUTH_HEADER` as it is, or `GIT_AUTH_TOKEN` as the password of the user `x-access-token`. Those that end in `.<host>` are for
 * that host alone, and go before those that are for any.
 */
export async function gitAuthorizationFor({ host }: URL, secret: Lent['secret']): Promise<string | undefined> {
  for (const ending of [`.${host}`, '']) {
    const header = await textOf(`GIT_AUTH_HEADER${ending}`, secret)
    if (header !== undefined) return header
    const token = await textOf(`GIT_AUTH_TOKEN${ending}`, secret)
    if (token !== undefined) return `Basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}`
  }
  return undefined
}

async function textOf(id: string, secret: Lent['secret']): Promise<string | undefined> {
  const bytes = await secret(id)
  if (bytes === undefined) return undefined
  const text = Buffer.from(bytes).toString('latin1').trim()
  if (/^[\x20-\x7e]{1,8192}$/.test(text)) return text
  throw new TsbuildError('SECRET_INVALID', `secret ${id} cannot be sent as a header`, { hint: 'one line of ASCII, at most 8 KiB' })
}
