import { basename } from 'node:path'
import { asStep } from '../../registry/oci/event.ts'
import { formatPlatform, parsePlatform, platformOfArch } from '../../registry/oci/platform.ts'
import { familiarReference, formatReference, parseReference, withDefaultTag } from '../../registry/oci/reference.ts'
import { command } from '../context.ts'
import { connectionFlags, connectionOptions, layoutTarget, progressFlag, progressMode } from '../flags.ts'
import { openWorkspace } from '../wire.ts'

export const run = command(
  {
    path: ['pull'],
    summary: 'Fetches an image into the store, from a registry or from an image layout on disk.',
    operands: [{ name: '<source>', help: '[registry/]repository[:tag][@digest], or oci:FOLDER[:NAME]' }],
    flags: {
      ...connectionFlags,
      platform: { kind: 'string', value: 'os/arch', help: 'which image of an index (default: this machine)' },
      'all-platforms': { kind: 'boolean', short: 'a', help: 'every image of an index' },
      name: { kind: 'string', value: 'name', help: 'call it so here (default: as the source says)' },
      progress: progressFlag,
      quiet: { kind: 'boolean', short: 'q', help: 'print the digest only' },
    },
  },
  async (options, [source = ''], context) => {
    const progress = context.progress(options.quiet ? 'quiet' : progressMode(options.progress))
    try {
      await using workspace = await openWorkspace(context, { emit: progress.emit, ...connectionOptions(options, [source]) })
      const { store, emit } = workspace
      const layout = layoutTarget(source)
      const reference = withDefaultTag(parseReference(options.name ?? (layout === undefined ? source : nameOfLayout(layout))))
      const platform = options['all-platforms']
        ? 'all'
        : options.platform === undefined
          ? platformOfArch(process.arch)
          : parsePlatform(options.platform)
      const root = layout === undefined ? await fromRegistry() : await fromLayout(layout)
      await store.names.set(formatReference(reference), root)
      await workspace.refreshIndex()
      progress.stop()
      context.print(`${root.digest}\n`)
      return 0

      async function fromRegistry() {
        const { pull } = await import('../../registry/remote/pull.ts')
        const from = withDefaultTag(parseReference(source))
        const step = formatReference(from)
        const name = `pull ${familiarReference(from)}${platform === 'all' ? '' : ` for ${formatPlatform(platform)}`}`
        return asStep({ id: step, name, emit, now: context.now }, async () => {
          const pulled = await pull(from, { platform, step, signal: context.signal }, { client: await workspace.client(), store, emit })
          return pulled.root
        })
      }

      async function fromLayout(target: { folder: string; name: string | undefined }) {
        const { importLayout } = await import('../../registry/store/layout-copy.ts')
        const { openLayout } = await import('../../registry/store/layout.ts')
        return importLayout(store, openLayout(target.folder), {
          name: target.name,
          platform: platform === 'all' || options.platform === undefined ? undefined : platform,
          signal: context.signal,
        })
      }
    } finally {
      progress.stop()
    }
  },
)

function nameOfLayout(layout: { folder: string; name: string | undefined }): string {
  return layout.name ?? basename(layout.folder).toLowerCase()
}
