import type { Codec } from '../../registry/oci/media-type.ts'
import { type Bytes, type Reader, Writer } from '../wire.ts'
import { codeOfCodec, codeOfType, type FileTime, type FileType, type ReadCodec, writeTime, writeXattrs, type Xattr } from './fields.ts'

// ---- pack: entries -> tar -> diffID -> codec -> digest, with the table of contents, in one pass

export type PackSource =
  | { readonly kind: 'none' }
  /** A regular file below `roots[root]`, opened RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS; fails if its content is not `sha256` (32 bytes) when given. */
  | { readonly kind: 'file'; readonly root: number; readonly path: Bytes; readonly sha256?: Uint8Array | undefined }
  | { readonly kind: 'inline'; readonly bytes: Uint8Array }
  /** Content of an entry of another layer: `blobs[blob]`, at `offset` of its uncompressed tar. */
  | { readonly kind: 'blob'; readonly blob: number; readonly offset: number }

export interface PackEntry {
  readonly path: Bytes
  readonly type: FileType
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly mtime: FileTime
  /** Target of a symlink; path of the first name of a hard link. */
  readonly link: Bytes
  readonly rdevMajor: number
  readonly rdevMinor: number
  readonly xattrs: readonly Xattr[]
  /** Bytes of content; a 'file' source of another size fails the request. */
  readonly size: number
  readonly source: PackSource
}
export interface PackOptions {
  readonly codec: Codec
  /** 0 is the default of the codec. */
  readonly level: number
  /** 0 is the number of cores. The bytes do not depend on it. */
  readonly threads: number
  /** Seconds since the epoch; later mtimes are lowered to it. */
  readonly clamp?: number | undefined
}
export interface PackRequest extends PackOptions {
  /** New files, made O_EXCL: the blob, and the table of contents ('' for none). */
  readonly output: Bytes
  readonly toc: Bytes
  readonly roots: readonly Bytes[]
  readonly blobs: readonly BlobSource[]
  /** In the order they are to have in the tar. */
  readonly entries: readonly PackEntry[]
}
export interface BlobSource {
  readonly path: Bytes
  readonly codec: ReadCodec
}
export interface PackReply {
  readonly diffID: Uint8Array
  readonly tarSize: number
  readonly digest: Uint8Array
  readonly blobSize: number
}

export function encodePack(request: PackRequest): Uint8Array {
  const w = new Writer().bytes(request.output).bytes(request.toc)
  writePackOptions(w, request)
  w.list(request.roots, (root) => w.bytes(root))
  w.list(request.blobs, (blob) => w.bytes(blob.path).u8(codeOfCodec(blob.codec)))
  return w.list(request.entries, (entry) => writePackEntry(w, entry)).take()
}
export function writePackOptions(w: Writer, options: PackOptions): void {
  w.u8(codeOfCodec(options.codec)).u32(options.level).u32(options.threads)
  w.u8(options.clamp === undefined ? 0 : 1).i64(options.clamp ?? 0)
}
function writePackEntry(w: Writer, entry: PackEntry): void {
  w.bytes(entry.path).u8(codeOfType(entry.type)).u32(entry.mode).u32(entry.uid).u32(entry.gid)
  writeTime(w, entry.mtime)
  w.bytes(entry.link).u32(entry.rdevMajor).u32(entry.rdevMinor)
  writeXattrs(w, entry.xattrs)
  w.u64(entry.size)
  writePackSource(w, entry.source)
}
function writePackSource(w: Writer, source: PackSource): void {
  switch (source.kind) {
    case 'none':
      return void w.u8(0)
    case 'file':
      return void w
        .u8(1)
        .u32(source.root)
        .bytes(source.path)
        .bytes(source.sha256 ?? '')
    case 'inline':
      return void w.u8(2).bytes(source.bytes)
    case 'blob':
      return void w.u8(3).u32(source.blob).u64(source.offset)
  }
}
export function decodePack(r: Reader): PackReply {
  return { diffID: r.raw(32), tarSize: r.u64(), digest: r.raw(32), blobSize: r.u64() }
}

// ---- index: a layer that is there already -> its diffID and table of contents, without extracting it

export interface IndexRequest {
  readonly blob: BlobSource
  /** New file, made O_EXCL. */
  readonly toc: Bytes
}
export interface IndexReply {
  readonly diffID: Uint8Array
  readonly tarSize: number
}
export function encodeIndex(request: IndexRequest): Uint8Array {
  return new Writer().bytes(request.blob.path).u8(codeOfCodec(request.blob.codec)).bytes(request.toc).take()
}
export function decodeIndex(r: Reader): IndexReply {
  return { diffID: r.raw(32), tarSize: r.u64() }
}

// ---- read: a piece of the uncompressed tar of a layer (a small file, found through its table of contents)

/** At most this many bytes are read at once. */
export const MAX_READ_BYTES = 16 << 20

export interface ReadRequest {
  readonly blob: BlobSource
  readonly offset: number
  readonly size: number
}
export function encodeRead(request: ReadRequest): Uint8Array {
  const w = new Writer().bytes(request.blob.path).u8(codeOfCodec(request.blob.codec))
  return w.u64(request.offset).u64(request.size).take()
}

// ---- flatten: a tar (as made by pack with codec none) -> a folder of the caller's, with modes and times but the caller's own ids

export interface FlattenRequest {
  readonly blob: BlobSource
  /** A folder that exists. Nothing outside it is touched. Device nodes are left out and counted. */
  readonly target: Bytes
}
export interface FlattenReply {
  readonly skipped: number
}
export function encodeFlatten(request: FlattenRequest): Uint8Array {
  return new Writer().bytes(request.blob.path).u8(codeOfCodec(request.blob.codec)).bytes(request.target).take()
}
export function decodeFlatten(r: Reader): FlattenReply {
  return { skipped: r.u32() }
}
