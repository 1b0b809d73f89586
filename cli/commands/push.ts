import type { Descriptor } from '../../registry/oci/descriptor.ts'
import { TsbuildError } from '../../registry/oci/error.ts'
import { asStep } from '../../registry/oci/event.ts'
import { familiarReference, formatReference, parseReference, type Reference, withDefaultTag } from '../../registry/oci/reference.ts'
import { findImage } from '../../registry/store/find.ts'
import type { Store } from '../../registry/store/store.ts'
import { command } from '../context.ts'
import { connectionFlags, connectionOptions, layoutTarget, progressFlag, progressMode } from '../flags.ts'
import { openWorkspace } from '../wire.ts'

export const run = command(
  {
    path: ['push'],
    summary:
      'Publishes a local image. With one argument it is both: the local name, or else the one local image with the same last part and tag.',
    operands: [
      { name: '<image>', help: 'local name, digest or unique prefix; alone: where to push' },
      { name: '[destination]', help: '[registry/]repository[:tag], or oci:FOLDER[:NAME]' },
    ],
    flags: { ...connectionFlags, progress: progressFlag, quiet: { kind: 'boolean', short: 'q', help: 'print the digest only' } },
  },
  async (options, [image = '', destination], context) => {
    const progress = context.progress(options.quiet ? 'quiet' : progressMode(options.progress))
    try {
      await using workspace = await openWorkspace(context, { emit: progress.emit, ...connectionOptions(options, [destination ?? image]) })
      const { store, emit } = workspace
      const layout = layoutTarget(destination ?? image)
      const root =
        destination === undefined
          ? await guess(store, image, (message) => emit({ kind: 'note', message }))
          : (await findImage(store, image)).descriptor
      if (layout === undefined) await publish(root, withDefaultTag(parseReference(destination ?? image)))
      else
        await (await import('../../registry/store/layout-copy.ts')).exportLayout(store, root, {
          folder: layout.folder,
          names: [{ refName: layout.name }],
        })
      progress.stop()
      context.print(`${root.digest}\n`)
      return 0

      async function publish(what: Descriptor, reference: Reference): Promise<void> {
        const { push } = await import('../../registry/remote/push.ts')
        const step = formatReference(reference)
        await asStep({ id: step, name: `push ${familiarReference(reference)}`, emit, now: context.now }, async () => {
          await push(what, [reference], { step, signal: context.signal }, { client: await workspace.client(), store, emit })
        })
      }
    } finally {
      progress.stop()
    }
  },
)

/** `push registry/app`: a local name wins; else the only local image called `app` with the same tag is meant, and that is said. */
async function guess(store: Store, destination: string, note: (message: string) => void): Promise<Descriptor> {
  const reference = withDefaultTag(parseReference(destination))
  const named = await store.names.get(formatReference(reference))
  if (named !== undefined) return named
  const last = (path: string) => path.slice(path.lastIndexOf('/') + 1)
  const all = (await store.names.list()).map(({ name, descriptor }) => ({ reference: parseReference(name), descriptor }))
  const same = all.filter((item) => last(item.reference.repository) === last(reference.repository) && item.reference.tag === reference.tag)
  const [only] = same
  if (only !== undefined && same.length === 1) {
    note(`pushing ${familiarReference(only.reference)} as ${familiarReference(reference)}`)
    return only.descriptor
  }
  const near = same.length > 0 ? same : all.filter((item) => last(item.reference.repository) === last(reference.repository))
  throw new TsbuildError(
    'IMAGE_NOT_FOUND',
    `no local image ${familiarReference(reference)}${same.length > 1 ? ', and several of that name' : ''}`,
    {
      hint:
        near.length === 0
          ? 'tsbuild images lists what is here'
          : `say which: tsbuild push ${near.map((item) => familiarReference(item.reference)).join(' | ')} ${destination}`,
    },
  )
}
