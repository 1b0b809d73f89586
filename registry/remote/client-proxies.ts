import { join } from 'node:path'
import { looseObject, optional, record, safeParse, string } from 'valibot'
import { readCredentialFile } from './credential-file.ts'
import type { Env } from './proxy.ts'

const proxiesSchema = record(
  string(),
  looseObject({
    httpProxy: optional(string()),
    httpsProxy: optional(string()),
    ftpProxy: optional(string()),
    noProxy: optional(string()),
    allProxy: optional(string()),
  }),
)
const VARIABLES = {
  httpProxy: 'HTTP_PROXY',
  httpsProxy: 'HTTPS_PROXY',
  ftpProxy: 'FTP_PROXY',
  noProxy: 'NO_PROXY',
  allProxy: 'ALL_PROXY',
} as const

/** `proxies.default` of docker's config.json, by the names of the variables that a build step gets. Docker documentation, "Use a proxy server with the Docker CLI". */
export async function readClientProxies(env: Env): Promise<Map<string, string>> {
  const folder = env.DOCKER_CONFIG ?? (env.HOME === undefined ? undefined : join(env.HOME, '.docker'))
  const file = folder === undefined ? undefined : await readCredentialFile(join(folder, 'config.json'))
  const parsed = safeParse(proxiesSchema, file?.proxies ?? {})
  const configured = parsed.success ? parsed.output.default : undefined
  const entries = Object.entries(VARIABLES).map(([key, name]) => [name, configured?.[key as keyof typeof VARIABLES]] as const)
  return new Map(entries.filter((entry): entry is [(typeof entry)[0], string] => typeof entry[1] === 'string' && entry[1] !== ''))
}
