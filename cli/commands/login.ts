import { TsbuildError } from '../../registry/oci/error.ts'
import { parseReference } from '../../registry/oci/reference.ts'
import { type Context, command } from '../context.ts'
import { connectionFlags, isInsecure } from '../flags.ts'

export const run = command(
  {
    path: ['login'],
    summary: 'Checks credentials at a registry and keeps them in ~/.docker/config.json (or the helper it names).',
    operands: [{ name: '[registry]', help: 'host[:port] (default docker.io)' }],
    flags: {
      username: { kind: 'string', short: 'u', value: 'name', help: 'user name' },
      'password-stdin': { kind: 'boolean', help: 'read the password from standard input' },
      ...connectionFlags,
    },
    unsupported: ['-p, --password'],
  },
  async (options, [registry = 'docker.io'], context) => {
    const { username } = options
    if (username === undefined || !options['password-stdin']) {
      throw new TsbuildError('USAGE', 'login needs --username and --password-stdin', {
        hint: 'echo "$PASSWORD" | tsbuild login -u NAME --password-stdin REGISTRY',
      })
    }
    const { login } = await import('../../registry/remote/login.ts')
    const { openLogin } = await import('../../registry/remote/open.ts')
    const { registry: host } = parseReference(`${registry}/x`)
    const deps = openLogin({
      env: context.env,
      userAgent: `tsbuild/${context.version}`,
      now: context.now,
      random: Math.random,
      insecure: isInsecure(options) ? [host] : [],
      caFiles: options['cert-file'],
    })
    const kept = await login({ registry: host, username, password: await passwordOf(context) }, { ...deps, signal: context.signal })
    context.print(`login succeeded, kept in ${kept}\n`)
    return 0
  },
)

const MAX_PASSWORD_BYTES = 64 << 10

async function passwordOf(context: Context): Promise<string> {
  const text = Buffer.from(await context.readInput(MAX_PASSWORD_BYTES)).toString('utf8')
  return text.replace(/\r?\n$/, '')
}
