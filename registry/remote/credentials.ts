import { join } from 'node:path'
import { TsbuildError } from '../oci/error.ts'
import { type CredentialEntry, type CredentialFile, readCredentialFile, writeCredentialFile } from './credential-file.ts'
import { askHelper, eraseInHelper, storeInHelper } from './credential-helper.ts'
import type { Env } from './proxy.ts'

/** What a registry gets to see of its user. An identity token is exchanged for tokens; a registry token is sent as it is. */
export type Credential =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  | { readonly kind: 'identity-token'; readonly username: string | undefined; readonly token: string }
  | { readonly kind: 'registry-token'; readonly token: string }

export interface CredentialsOptions {
  /** DOCKER_CONFIG, HOME, REGISTRY_AUTH_FILE, XDG_RUNTIME_DIR, XDG_CONFIG_HOME and PATH count. */
  readonly env: Env
  readonly helperTimeoutMs?: number | undefined
}

/** Docker Hub's entry has a name of its own, from the days of the first protocol. */
const HUB_KEY = 'https://index.docker.io/v1/'
const HUB_HOSTS = ['index.docker.io', 'docker.io', 'registry-1.docker.io']

/** The user's credentials in docker's config.json, then in REGISTRY_AUTH_FILE and containers' auth.json. Files are read when asked. */
export class Credentials {
  readonly #options: CredentialsOptions

  constructor(options: CredentialsOptions) {
    this.#options = options
  }

  /**
   * For exactly this registry (`host[:port]`, docker.io for Docker Hub), the most specific of `host/a/b`, `host/a`, `host` first; undefined is
   * anonymous. Throws CREDENTIALS_INVALID, CREDENTIAL_HELPER.
   */
  async find(registry: string, repository = ''): Promise<Credential | undefined> {
    for (const path of this.#files()) {
      const file = await readCredentialFile(path)
      const found = file === undefined ? undefined : await this.#findIn(path, file, registry, repository)
      if (found !== undefined) return found
    }
    return undefined
  }

  /** Stores a user name and password that were found good, in docker's config.json or the helper it names. Returns where. Throws CREDENTIALS_WRITE. */
  async save(registry: string, username: string, password: string): Promise<string> {
    if (username.includes(':')) throw new TsbuildError('CREDENTIALS_INVALID', 'a user name cannot hold a colon')
    const path = this.#dockerConfig()
    const file = (await readCredentialFile(path)) ?? {}
    const helper = helperFor(file, registry)
    if (helper !== undefined) {
      await storeInHelper(helper, fileKey(registry), username, password, this.#helperOptions())
      return `docker-credential-${helper}`
    }
    const auth = Buffer.from(`${username}:${password}`).toString('base64')
    await writeCredentialFile(path, { ...file, auths: { ...without(file.auths, registry), [fileKey(registry)]: { auth } } })
    return path
  }

  /** Removes what `find` would find for the registry as a whole; returns where it was, empty when nowhere. */
  async remove(registry: string): Promise<string[]> {
    const removed: string[] = []
    for (const path of this.#files()) {
      const file = await readCredentialFile(path)
      if (file === undefined) continue
      const helper = helperFor(file, registry)
      if (helper !== undefined && (await eraseInHelper(helper, fileKey(registry), this.#helperOptions())))
        removed.push(`docker-credential-${helper}`)
      if (!Object.keys(file.auths ?? {}).some((key) => isKeyOf(key, registry))) continue
      await writeCredentialFile(path, { ...file, auths: without(file.auths, registry) })
      removed.push(path)
    }
    return removed
  }

  #files(): string[] {
    const { REGISTRY_AUTH_FILE, XDG_RUNTIME_DIR, XDG_CONFIG_HOME, HOME } = this.#options.env
    const config = XDG_CONFIG_HOME || (HOME ? join(HOME, '.config') : undefined)
    const paths = [
      this.#options.env.DOCKER_CONFIG || HOME ? this.#dockerConfig() : undefined,
      REGISTRY_AUTH_FILE || undefined,
      XDG_RUNTIME_DIR ? join(XDG_RUNTIME_DIR, 'containers/auth.json') : undefined,
      config === undefined ? undefined : join(config, 'containers/auth.json'),
    ]
    return [...new Set(paths.filter((path) => path !== undefined))]
  }

  #dockerConfig(): string {
    const { DOCKER_CONFIG, HOME } = this.#options.env
    if (DOCKER_CONFIG) return join(DOCKER_CONFIG, 'config.json')
    if (HOME) return join(HOME, '.docker/config.json')
    throw new TsbuildError('CREDENTIALS_WRITE', 'there is no folder for credentials', { hint: 'set HOME or DOCKER_CONFIG' })
  }

  async #findIn(path: string, file: CredentialFile, registry: string, repository: string): Promise<Credential | undefined> {
    const helper = helperFor(file, registry)
    if (helper !== undefined) {
      const answer = await askHelper(helper, fileKey(registry), this.#helperOptions())
      if (answer?.username === '<token>') return { kind: 'identity-token', username: undefined, token: answer.secret }
      if (answer !== undefined) return { kind: 'password', username: answer.username, password: answer.secret }
    }
    for (const prefix of prefixesOf(repository)) {
      const key = Object.keys(file.auths ?? {}).find((name) => (prefix === '' ? isKeyOf(name, registry) : name === `${registry}/${prefix}`))
      const credential = key === undefined ? undefined : readEntry(path, key, file.auths?.[key] ?? {})
      if (credential !== undefined) return credential
    }
    return undefined
  }

  #helperOptions() {
    return { env: this.#options.env, timeoutMs: this.#options.helperTimeoutMs }
  }
}

/** `a/b/c`, `a/b`, `a`, and the registry itself. */
function prefixesOf(repository: string): string[] {
  const parts = repository === '' ? [] : repository.split('/')
  return [...parts.map((_, i) => parts.slice(0, parts.length - i).join('/')), '']
}

function helperFor(file: CredentialFile, registry: string): string | undefined {
  const key = Object.keys(file.credHelpers ?? {}).find((name) => isKeyOf(name, registry))
  return (key === undefined ? undefined : file.credHelpers?.[key]) || file.credsStore || undefined
}

function fileKey(registry: string): string {
  return registry === 'docker.io' ? HUB_KEY : registry
}

/** Keys are hosts; old ones are URLs of the first protocol (`https://host/v1/`). Whole hosts are compared, never parts of one. */
function isKeyOf(key: string, registry: string): boolean {
  const host = /^(?:https?:\/\/)?([^/]+)(?:\/v[12]\/?|\/)?$/.exec(key)?.[1]
  if (host === undefined) return false
  return registry === 'docker.io' ? HUB_HOSTS.includes(host) : host === registry
}

function without(auths: CredentialFile['auths'], registry: string): Record<string, CredentialEntry> {
  return Object.fromEntries(Object.entries(auths ?? {}).filter(([key]) => !isKeyOf(key, registry)))
}

function readEntry(path: string, key: string, entry: CredentialEntry): Credential | undefined {
  const [username, password] = entry.auth ? decodeAuth(path, key, entry.auth) : [entry.username ?? '', entry.password ?? '']
  if (entry.registrytoken) return { kind: 'registry-token', token: entry.registrytoken }
  if (entry.identitytoken) return { kind: 'identity-token', username: username || undefined, token: entry.identitytoken }
  if (username === '<token>') return { kind: 'identity-token', username: undefined, token: password }
  return username === '' && password === '' ? undefined : { kind: 'password', username, password }
}

function decodeAuth(path: string, key: string, auth: string): [username: string, password: string] {
  const text = Buffer.from(auth, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 0)
    throw new TsbuildError('CREDENTIALS_INVALID', `${path}: the entry for ${key} is not what it should be`, {
      hint: '`tsbuild login` writes it anew',
    })
  return [text.slice(0, colon), text.slice(colon + 1).replace(/\0+$/, '')]
}
