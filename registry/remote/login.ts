import { TsbuildError } from '../oci/error.ts'
import { type ClientOptions, RegistryClient } from './client.ts'
import type { Credentials } from './credentials.ts'

export interface Login {
  /** `host[:port]`, docker.io for Docker Hub. */
  readonly registry: string
  readonly username: string
  readonly password: string
}

/**
 * Tries a user name and password at the registry, and keeps them only if it takes them. Returns where they are kept. Throws REGISTRY_DENIED,
 * CREDENTIALS_WRITE, CREDENTIAL_HELPER and what requests throw.
 */
export async function login(
  { registry, username, password }: Login,
  deps: {
    readonly client: Omit<ClientOptions, 'credentials'>
    readonly credentials: Credentials
    readonly signal?: AbortSignal | undefined
  },
): Promise<string> {
  if (username === '' || password === '')
    throw new TsbuildError('CREDENTIALS_INVALID', `login to ${registry}: user name or password is empty`)
  const credential = { kind: 'password', username, password } as const
  await using client = new RegistryClient({ ...deps.client, credentials: { find: async () => credential } })
  const response = await client.request(registry, { method: 'GET', to: '/v2/', scopes: [], signal: deps.signal })
  if (response.status === 401) {
    await response.discard()
    throw new TsbuildError('REGISTRY_DENIED', `${registry} refuses the user name ${JSON.stringify(username)} or its password`, {
      hint: 'many registries want an access token in place of the password',
    })
  }
  if (response.status !== 200) throw await client.failure(registry, response, `login to ${registry} as ${username}`)
  await response.discard()
  return deps.credentials.save(registry, username, password)
}
