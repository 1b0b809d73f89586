import { spawn } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { object, optional, safeParse, string } from 'valibot'
import { TsbuildError } from '../oci/error.ts'
import type { Env } from './proxy.ts'

const MAX_OUTPUT_BYTES = 1 << 20
const NAME = /^[a-z0-9._-]+$/
const NOT_FOUND = 'credentials not found in native keychain'
// What the helpers of the large clouds and desktops need; nothing else of the caller's environment reaches them.
const PASSED =
  /^(?:PATH|HOME|USER|LOGNAME|LANG|LC_\w+|TMPDIR|XDG_\w+|DISPLAY|WAYLAND_DISPLAY|DBUS_SESSION_BUS_ADDRESS|GNUPGHOME|GPG_TTY|PASSWORD_STORE_\w+|AWS_\w+|GOOGLE_\w+|CLOUDSDK_\w+|AZURE_\w+|https?_proxy|HTTPS?_PROXY|no_proxy|NO_PROXY|SSL_CERT_FILE|SSL_CERT_DIR)$/

const answerSchema = object({ ServerURL: optional(string()), Username: string(), Secret: string() })

export interface HelperOptions {
  readonly env: Env
  /** Default 30 000. */
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** `docker-credential-NAME get`: undefined when the helper has nothing for `server`. Throws CREDENTIAL_HELPER. */
export async function askHelper(
  name: string,
  server: string,
  options: HelperOptions,
): Promise<{ username: string; secret: string } | undefined> {
  const { code, output } = await runHelper(name, 'get', server, options)
  if (code !== 0) {
    if (output.includes(NOT_FOUND)) return undefined
    throw failed(name, `\`get\` ended with ${code}`)
  }
  const parsed = safeParse(answerSchema, parseJson(output))
  if (!parsed.success) throw failed(name, '`get` did not answer with Username and Secret')
  const { Username, Secret } = parsed.output
  return Username === '' && Secret === '' ? undefined : { username: Username, secret: Secret }
}

/** `store`. Throws CREDENTIAL_HELPER. */
export async function storeInHelper(name: string, server: string, username: string, secret: string, options: HelperOptions): Promise<void> {
  const input = JSON.stringify({ ServerURL: server, Username: username, Secret: secret })
  const { code } = await runHelper(name, 'store', input, options)
  if (code !== 0) throw failed(name, `\`store\` ended with ${code}`)
}

/** `erase`; false when it had nothing. Throws CREDENTIAL_HELPER. */
export async function eraseInHelper(name: string, server: string, options: HelperOptions): Promise<boolean> {
  const { code, output } = await runHelper(name, 'erase', server, options)
  if (code !== 0 && !output.includes(NOT_FOUND)) throw failed(name, `\`erase\` ended with ${code}`)
  return code === 0
}

async function runHelper(name: string, action: string, input: string, options: HelperOptions): Promise<{ code: number; output: string }> {
  const program = await findHelper(name, options.env)
  const env = Object.fromEntries(Object.entries(options.env).filter(([key]) => PASSED.test(key)))
  const { timeoutMs = 30_000, signal } = options
  return new Promise((resolve, reject) => {
    const child = spawn(program, [action], {
      env,
      cwd: '/',
      stdio: ['pipe', 'pipe', 'ignore'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      signal,
    })
    const chunks: Buffer[] = []
    let size = 0
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > MAX_OUTPUT_BYTES) child.kill('SIGKILL')
      else chunks.push(chunk)
    })
    child.on('error', (cause) => reject(failed(name, 'it could not be run', cause)))
    child.on('close', (code) => {
      if (code === null) reject(failed(name, size > MAX_OUTPUT_BYTES ? 'it answered too much' : `it did not end within ${timeoutMs} ms`))
      else resolve({ code, output: Buffer.concat(chunks).toString('utf8') })
    })
    child.stdin.on('error', () => undefined) // It may end without reading.
    child.stdin.end(input)
  })
}

async function findHelper(name: string, env: Env): Promise<string> {
  if (!NAME.test(name))
    throw new TsbuildError('CREDENTIAL_HELPER', `not a name of a credential helper: ${JSON.stringify(name.slice(0, 100))}`)
  for (const dir of (env.PATH ?? '').split(':').filter(isAbsolute)) {
    const path = join(dir, `docker-credential-${name}`)
    if (
      await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
    ) {
      return path
    }
  }
  throw failed(name, 'there is no such program in PATH')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // Fails the schema; the parser's message would quote the secret.
  }
}

function failed(name: string, why: string, cause?: unknown): TsbuildError {
  return new TsbuildError('CREDENTIAL_HELPER', `credential helper docker-credential-${name}: ${why}`, {
    cause,
    hint: `install it, or remove "${name}" from credsStore and credHelpers in docker's config.json`,
  })
}
