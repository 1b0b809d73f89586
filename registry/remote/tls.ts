import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls'
import { isErrno, TsbuildError } from '../oci/error.ts'
import type { Env } from './proxy.ts'

export interface TlsOptions {
  /** PEM files with further authorities, asked for by the user. */
  readonly caFiles?: readonly string[] | undefined
  /** Folders that hold `<host[:port]>/*.crt` (authorities) and `*.cert` + `*.key` (our own certificate); default those of docker and containers. */
  readonly certsDirs?: readonly string[] | undefined
}

// Where distributions keep their authorities, in the order Go tries them. Node's own list does not know what an administrator added there.
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
]

/**
 * Whom to trust for `host` (`name[:port]`): SSL_CERT_FILE or else the system's authorities, plus `caFiles`, plus the host's folder under certs.d.
 * Made once a host: parsing the system's list costs milliseconds. Throws CERTIFICATE_INVALID.
 */
export async function secureContextFor(host: string, env: Env, options: TlsOptions): Promise<SecureContext> {
  const base = env.SSL_CERT_FILE ? [await readPem(env.SSL_CERT_FILE)] : await systemAuthorities()
  const asked = await Promise.all((options.caFiles ?? []).map(readPem))
  const folders = (options.certsDirs ?? defaultCertsDirs(env)).map((dir) => join(dir, host))
  const found = await Promise.all(folders.map(readFolder))
  const pair = found.find((folder) => folder.cert !== undefined && folder.key !== undefined)
  try {
    return createSecureContext({
      ca: [...base, ...asked, ...found.flatMap((folder) => folder.ca)],
      ...(pair === undefined ? {} : { cert: pair.cert, key: pair.key }),
    })
  } catch (cause) {
    throw new TsbuildError('CERTIFICATE_INVALID', `certificates for ${host} cannot be used`, {
      cause,
      hint: `look at ${[...(options.caFiles ?? []), ...folders].join(', ')}: each .crt, .cert and .key must be PEM`,
    })
  }
}

/** The authorities of every host, those of certs.d apart, as one PEM text: for a program that takes them as a file. Throws CERTIFICATE_INVALID. */
export async function authoritiesPem(env: Env, caFiles: readonly string[]): Promise<string> {
  const base = env.SSL_CERT_FILE ? [await readPem(env.SSL_CERT_FILE)] : await systemAuthorities()
  return [...base, ...(await Promise.all(caFiles.map(readPem)))].join('\n')
}

function defaultCertsDirs(env: Env): string[] {
  const config = env.XDG_CONFIG_HOME || (env.HOME ? join(env.HOME, '.config') : undefined)
  const own = config === undefined ? [] : [join(config, 'docker/certs.d'), join(config, 'containers/certs.d')]
  return [...own, '/etc/docker/certs.d', '/etc/containers/certs.d']
}

async function systemAuthorities(): Promise<readonly string[]> {
  for (const path of SYSTEM_BUNDLES) {
    const pem = await readIfThere(path)
    if (pem !== undefined) return [pem]
  }
  return rootCertificates
}

interface CertsFolder {
  ca: string[]
  cert?: string
  key?: string
}

async function readFolder(folder: string): Promise<CertsFolder> {
  const names = await readdir(folder).catch((cause) => {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].some((code) => isErrno(cause, code))) return []
    throw unreadable(folder, cause)
  })
  const found: CertsFolder = { ca: [] }
  for (const name of names.sort()) {
    const path = join(folder, name)
    if (name.endsWith('.crt')) found.ca.push(await readPem(path))
    if (name.endsWith('.cert') && found.cert === undefined) {
      found.cert = await readPem(path)
      found.key = await readPem(path.replace(/cert$/, 'key'))
    }
  }
  return found
}

async function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((cause) => {
    if (isErrno(cause, 'ENOENT') || isErrno(cause, 'EACCES')) return undefined
    throw unreadable(path, cause)
  })
}

async function readPem(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause) => {
    throw unreadable(path, cause)
  })
}

function unreadable(path: string, cause: unknown): TsbuildError {
  return new TsbuildError('CERTIFICATE_INVALID', `cannot read certificates from ${path}`, { cause })
}
