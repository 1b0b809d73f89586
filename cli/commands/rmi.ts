import { TsbuildError } from '../../registry/oci/error.ts'
import { familiarReference, parseReference } from '../../registry/oci/reference.ts'
import { findImage } from '../../registry/store/find.ts'
import { command } from '../context.ts'
import { openWorkspace } from '../wire.ts'

export const run = command(
  {
    path: ['rmi'],
    summary: 'Removes names of images; `tsbuild prune` then frees what no name needs.',
    operands: [{ name: '<image...>', help: 'names, digests or unique prefixes of digests' }],
    flags: { force: { kind: 'boolean', short: 'f', help: 'remove all names of an image given by digest; no error for a missing one' } },
  },
  async ({ force }, images, context) => {
    await using workspace = await openWorkspace(context)
    for (const image of images) {
      const found = await findImage(workspace.store, image).catch((error: unknown) => {
        if (force && error instanceof TsbuildError && error.code === 'IMAGE_NOT_FOUND') return undefined
        throw error
      })
      if (found === undefined) continue
      if (found.names.length > 1 && !force) {
        throw new TsbuildError('IMAGE_AMBIGUOUS', `${image} has several names: ${found.names.join(', ')}`, {
          hint: 'name one of them, or use --force for all',
        })
      }
      for (const name of found.names) {
        await workspace.store.names.delete(name)
        context.print(`untagged ${familiarReference(parseReference(name))}\n`)
      }
    }
    await workspace.refreshIndex()
    return 0
  },
)
