import { type Bytes, bytesOfText } from '../../native/wire.ts'
import { hexOf } from '../../registry/oci/digest.ts'
import type { Store } from '../../registry/store/store.ts'
import type { HttpFile } from './http.ts'
import type { SourceEntry, SourceTree } from './tree.ts'

/** A download as a tree: one file of root with mode 0600, as BuildKit has it. */
export function oneFileTree(
  name: string,
  file: HttpFile,
  store: Pick<Store, 'root' | 'blobs'>,
): SourceTree & { readonly file: SourceEntry } {
  const hex = hexOf(file.digest)
  const owner = { uid: 0, gid: 0, link: '', rdevMajor: 0, rdevMinor: 0, xattrs: [] }
  const root: SourceEntry = { path: '', type: 'directory', mode: 0o755, size: 0, mtime: { seconds: 0, nanoseconds: 0 }, ...owner }
  const mtime = { seconds: file.mtime, nanoseconds: 0 }
  const entry: SourceEntry = { path: bytesOfText(name), type: 'file', mode: 0o600, size: file.size, mtime, ...owner }
  return {
    label: name,
    file: entry,
    made: async () => file.mtime || undefined,
    roots: [bytesOfText(`${store.root}/blobs/sha256`)],
    blobs: [],
    at: async (path: Bytes) => (path === '' ? root : path === entry.path ? entry : undefined),
    children: async (path: Bytes) => (path === '' ? [entry] : []),
    below: async (path: Bytes) => (path === '' ? [entry] : []),
    digests: async (entries) => entries.map(() => Buffer.from(hex, 'hex')),
    content: () => ({ kind: 'file', root: 0, path: hex, sha256: Buffer.from(hex, 'hex') }),
    archiveFile: async () => store.blobs.path(file.digest),
    explainMissing: async () => undefined,
  }
}
