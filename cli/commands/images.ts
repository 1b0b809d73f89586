import { familiarReference, parseReference } from '../../registry/oci/reference.ts'
import { readImage } from '../../registry/store/image.ts'
import type { NamedDescriptor } from '../../registry/store/names.ts'
import type { Store } from '../../registry/store/store.ts'
import { command } from '../context.ts'
import { checkFormat } from '../flags.ts'
import { printable } from '../printable.ts'
import { formatSize } from '../progress/format.ts'
import { table } from '../table.ts'
import { openWorkspace } from '../wire.ts'

interface Row {
  readonly name: string
  readonly digest: string
  readonly created: string
  readonly bytes: number
}

export const run = command(
  {
    path: ['images'],
    summary: 'Lists the images of the store: name, digest of the manifest, time, compressed size.',
    operands: [{ name: '[text]', help: 'only names that contain it' }],
    flags: {
      quiet: { kind: 'boolean', short: 'q', help: 'print digests only' },
      format: { kind: 'string', value: 'json', help: 'json: one object a line' },
    },
  },
  async ({ quiet, format }, [text = ''], context) => {
    checkFormat(format)
    await using workspace = await openWorkspace(context)
    const names = (await workspace.store.names.list()).filter(({ name }) => name.includes(text))
    const rows = await Promise.all(names.map((named) => rowOf(workspace.store, named)))
    if (quiet) context.print([...new Set(rows.map((row) => `${row.digest}\n`))].join(''))
    else if (format === 'json') context.print(rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    else context.print(table([['NAME', 'DIGEST', 'CREATED', 'SIZE'], ...rows.map(cells)]))
    return 0
  },
)

async function rowOf(store: Store, { name, descriptor }: NamedDescriptor): Promise<Row> {
  const image = await readImage(store.blobs, descriptor).catch(() => undefined) // an artifact, or an index without an image here: still listed
  const bytes = image?.layers.reduce((sum, layer) => sum + layer.descriptor.size, image.manifest.config.size) ?? descriptor.size
  return { name: familiarReference(parseReference(name)), digest: descriptor.digest, created: image?.config.created ?? '', bytes }
}

function cells(row: Row): string[] {
  return [row.name, row.digest.slice(0, 19), row.created.slice(0, 19), formatSize(row.bytes)].map(printable)
}
