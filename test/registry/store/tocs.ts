import { codeOfType, type FileType } from '../../../native/requests/fields.ts'
import { Writer } from '../../../native/wire.ts'
import { asDiffID, type DiffID, digestOf } from '../../../registry/oci/digest.ts'
import { parseToc } from '../../../registry/store/toc.ts'
import { MergedView } from '../../../registry/store/view.ts'

/** One entry, as short as a test wants it. A path alone is an empty file. */
export interface EntrySpec {
  readonly path: string
  readonly type?: FileType
  readonly mode?: number
  readonly uid?: number
  readonly link?: string
  readonly content?: string
  readonly xattrs?: Readonly<Record<string, string>>
}

export const file = (path: string, content = ''): EntrySpec => ({ path, content })
export const dir = (path: string, mode = 0o755): EntrySpec => ({ path, type: 'directory', mode })
export const symlink = (path: string, link: string): EntrySpec => ({ path, type: 'symlink', link })
export const hardlink = (path: string, link: string): EntrySpec => ({ path, type: 'hardlink', link })

/** The bytes of a table of contents, written by the book (native/src/layer/toc.h), independently of the reader. */
export function tocBytes(entries: readonly EntrySpec[], diffID: DiffID = asDiffID(digestOf(JSON.stringify(entries)))): Buffer {
  const w = new Writer().u8(1).raw('TSBTOC\n').u64(123_456)
  w.raw(Buffer.from(diffID.slice(7), 'hex')).u64(entries.length)
  for (const [i, entry] of entries.entries()) writeEntry(w, entry, 512 * (i + 1))
  return Buffer.from(w.take())
}

function writeEntry(w: Writer, entry: EntrySpec, offset: number): void {
  const { path, type = 'file', mode = 0o644, uid = 0, link = '', content = '', xattrs = {} } = entry
  w.bytes(path).u8(codeOfType(type)).u32(mode).u32(uid).u32(7).u64(content.length).i64(-5).u32(999_999_999)
  w.bytes(link).u32(1).u32(2).u64(offset)
  if (type === 'file') w.u8(1).raw(Buffer.from(digestOf(content).slice(7), 'hex'))
  else w.u8(0)
  w.list(Object.entries(xattrs), ([name, value]) => w.bytes(name).bytes(value))
}

/** The merged view of layers given as lists of entries, bottom first. Contents are read from the entries. */
export function viewOf(...layers: (readonly EntrySpec[])[]): MergedView {
  const tocs = layers.map((entries) => parseToc(tocBytes(entries)))
  const read = async ({ blob, offset, size }: { blob: { path: string }; offset: number; size: number }) => {
    const entry = layers[Number(blob.path)]?.[offset / 512 - 1]
    return Buffer.from(entry?.content?.slice(0, size) ?? '')
  }
  const source = { tocs: { ensure: async () => {}, read: (diffID: DiffID) => tocs.find((toc) => toc.diffID === diffID) }, native: { read } }
  return new MergedView(
    source,
    tocs.map(({ diffID }, i) => ({ diffID, path: String(i), codec: 'none' as const })),
  )
}
