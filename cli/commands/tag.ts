import { familiarReference, formatReference, parseReference, withDefaultTag } from '../../registry/oci/reference.ts'
import { findImage } from '../../registry/store/find.ts'
import { command } from '../context.ts'
import { openWorkspace } from '../wire.ts'

export const run = command(
  {
    path: ['tag'],
    summary: 'Gives a local image one more name.',
    operands: [
      { name: '<image>', help: 'name, digest or unique prefix of a digest' },
      { name: '<name>', help: 'the name to give it' },
    ],
    flags: {},
  },
  async (_options, [image = '', name = ''], context) => {
    await using workspace = await openWorkspace(context)
    const found = await findImage(workspace.store, image)
    const reference = withDefaultTag(parseReference(name))
    await workspace.store.names.set(formatReference(reference), found.descriptor)
    await workspace.refreshIndex()
    context.print(`${familiarReference(reference)} ${found.descriptor.digest}\n`)
    return 0
  },
)
