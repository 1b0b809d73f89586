import { type ClientOptions, RegistryClient } from './client.ts'
import { Credentials } from './credentials.ts'
import type { Env } from './proxy.ts'
import { Transport } from './transport.ts'

export interface OpenOptions {
  /** Proxies, SSL_CERT_FILE, DOCKER_CONFIG and the other places of credentials, TSBUILD_TRUSTED_REALMS. */
  readonly env: Env
  /** `tsbuild/1.2.3`. */
  readonly userAgent: string
  readonly now: () => number
  readonly random: () => number
  /** Registries to which plain http and any certificate are fine. */
  readonly insecure?: readonly string[] | 'all' | undefined
  /** PEM files with further authorities. */
  readonly caFiles?: readonly string[] | undefined
  /** Sends no credentials at all. */
  readonly anonymous?: boolean | undefined
}

/** A client with everything as the user's environment has it. Nothing is read or connected to before the first request. */
export function openClient(options: OpenOptions): RegistryClient {
  const credentials = options.anonymous === true ? undefined : new Credentials({ env: options.env })
  return new RegistryClient({ ...clientOptions(options), credentials })
}

/** What `login` needs: how to connect, and where credentials are kept. */
export function openLogin(options: OpenOptions): {
  readonly client: Omit<ClientOptions, 'credentials'>
  readonly credentials: Credentials
} {
  return { client: clientOptions(options), credentials: new Credentials({ env: options.env }) }
}

/** Single exchanges with any server, as the user's environment has it, without credentials. */
export function openTransport({ env, userAgent, caFiles }: Pick<OpenOptions, 'env' | 'userAgent' | 'caFiles'>): Transport {
  return new Transport({ env, userAgent, tls: { caFiles } })
}

function clientOptions(options: OpenOptions): Omit<ClientOptions, 'credentials'> {
  const { env, now, random, insecure } = options
  const transport = openTransport(options)
  const trustedRealms = (env.TSBUILD_TRUSTED_REALMS ?? '').split(/[\s,]+/).filter((host) => host !== '')
  return { transport, insecure, trustedRealms, retry: { now, random } }
}
