import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { TsbuildError } from '../../registry/oci/error.ts'
import { storeRoot } from '../../registry/store/root.ts'
import { openStore } from '../../registry/store/store.ts'
import { command } from '../context.ts'
import { openNative } from '../native-parts.ts'

export const run = command(
  {
    path: ['registry', 'serve'],
    summary: 'Serves the store as a registry until it is interrupted. Prints the address once it listens.',
    operands: [],
    flags: {
      listen: { kind: 'string', value: 'host:port', help: 'where to listen (default 127.0.0.1:5000; port 0 takes any free one)' },
      'read-only': { kind: 'boolean', help: 'refuse pushes and deletions' },
      quiet: { kind: 'boolean', short: 'q', help: 'no access log' },
    },
  },
  async (options, _operands, context) => {
    const [, host = '', port = ''] = /^(.*):(\d{1,5})$/.exec(options.listen ?? '127.0.0.1:5000') ?? []
    if (host === '')
      throw new TsbuildError('USAGE', `--listen=${options.listen} is no host:port`, { hint: 'as in --listen=127.0.0.1:5000' })
    const { serveRegistry } = await import('../../registry/serve/server.ts')
    await using native = (await openNative(context)).native
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const root = storeRoot(context.env, context.uid)
    await using served = await serveRegistry({
      open: () => openStore({ root, bootId, native, now: context.now }),
      host: host.replace(/^\[|\]$/g, ''),
      port: Number(port),
      readOnly: options['read-only'],
      log: options.quiet
        ? undefined
        : ({ method, path, status, ms }) => context.printError(`${method} ${path} ${status} ${ms.toFixed(0)}ms\n`),
    })
    context.print(`${served.url.host}\n`)
    if (!context.signal.aborted) await once(context.signal, 'abort')
    return 0
  },
)
