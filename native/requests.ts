import type { Codec } from '../registry/oci/media-type.ts'
import { type Bytes, type Reader, Writer } from './wire.ts'

/**
 * Bodies of the requests and replies, one type with its encoder or decoder each. The C++ side reads the fields in the order of the encoder.
 * Digests travel as 32 raw bytes. Paths are byte strings; a path inside a root is relative, without a leading or trailing slash, '' is the root itself.
 */

/** Type of a file, as the type flag of a tar entry (POSIX pax): see pax(1), "ustar Interchange Format". */
export type FileType = 'file' | 'hardlink' | 'symlink' | 'char' | 'block' | 'directory' | 'fifo' | 'socket'
const TYPES: readonly FileType[] = ['file', 'hardlink', 'symlink', 'char', 'block', 'directory', 'fifo', 'socket']
const CODECS: readonly Codec[] = ['none', 'gzip', 'zstd']

export function typeOfCode(code: number): FileType {
  const type = TYPES[code]
  if (type === undefined) throw new RangeError(`file type ${code}`)
  return type
}
export const codeOfType = (type: FileType): number => TYPES.indexOf(type)
const codeOfCodec = (codec: Codec): number => CODECS.indexOf(codec)

export interface Xattr {
  readonly name: Bytes
  readonly value: Bytes
}

/** A time of a file. */
export interface FileTime {
  readonly seconds: number
  readonly nanoseconds: number
}

const readTime = (r: Reader): FileTime => ({ seconds: r.i64(), nanoseconds: r.u32() })
const writeTime = (w: Writer, time: FileTime): void => void w.i64(time.seconds).u32(time.nanoseconds)
const readXattrs = (r: Reader): Xattr[] => r.list((x) => ({ name: x.bytes(), value: x.bytes() }))
const writeXattrs = (w: Writer, xattrs: readonly Xattr[]): void => void w.list(xattrs, (x) => w.bytes(x.name).bytes(x.value))

// ---- list: the entries of many directories below one root, read in threads

export interface ListRequest {
  /** Absolute path of the root; no entry outside it is ever looked at (openat2, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS). */
  readonly root: Bytes
  /** Directories to list, relative to the root. */
  readonly directories: readonly Bytes[]
  /** Read security.capability and user.* of every entry. */
  readonly xattrs: boolean
}
export interface ListedEntry {
  readonly name: Bytes
  readonly type: FileType
  /** Permission bits with set-id and sticky: 07777. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly mtime: FileTime
  readonly ctime: FileTime
  readonly device: number
  readonly inode: number
  readonly links: number
  readonly rdevMajor: number
  readonly rdevMinor: number
  /** Target of a symlink, else ''. */
  readonly link: Bytes
  readonly xattrs: readonly Xattr[]
}
/** One list for each directory asked, in that order, sorted by name bytes; undefined where it does not exist or is no directory. */
export type ListReply = (ListedEntry[] | undefined)[]

export function encodeList(request: ListRequest): Uint8Array {
  const w = new Writer().bytes(request.root).u8(request.xattrs ? 1 : 0)
  return w.list(request.directories, (path) => w.bytes(path)).take()
}
export function decodeList(r: Reader): ListReply {
  return r.list(() => (r.u8() === 0 ? undefined : r.list(readListed)))
}
function readListed(r: Reader): ListedEntry {
  return {
    name: r.bytes(),
    type: typeOfCode(r.u8()),
    mode: r.u32(),
    uid: r.u32(),
    gid: r.u32(),
    size: r.u64(),
    mtime: readTime(r),
    ctime: readTime(r),
    device: r.u64(),
    inode: r.u64(),
    links: r.u32(),
    rdevMajor: r.u32(),
    rdevMinor: r.u32(),
    link: r.bytes(),
    xattrs: readXattrs(r),
  }
}

// ---- hash: sha256 of many regular files below one root

export interface HashRequest {
  readonly root: Bytes
  readonly paths: readonly Bytes[]
}
/** `digest` is of the content; size, times and inode are of the very file that was read, unchanged from before the first to after the last byte. */
export interface HashedFile {
  readonly digest: Uint8Array
  readonly size: number
  readonly mtime: FileTime
  readonly ctime: FileTime
  readonly inode: number
}

export function encodeHash(request: HashRequest): Uint8Array {
  const w = new Writer().bytes(request.root)
  return w.list(request.paths, (path) => w.bytes(path)).take()
}
/** In the order asked. A file that cannot be read or changes meanwhile fails the whole request. */
export function decodeHash(r: Reader): HashedFile[] {
  return r.list(() => ({ digest: r.raw(32), size: r.u64(), mtime: readTime(r), ctime: readTime(r), inode: r.u64() }))
}

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
  readonly codec: Codec
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
function writePackOptions(w: Writer, options: PackOptions): void {
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

// ---- lock: flock(2) of a file, made if it is not there

export interface LockRequest {
  readonly path: Bytes
  readonly mode: 'shared' | 'exclusive'
}
export function encodeLock(request: LockRequest): Uint8Array {
  return new Writer()
    .bytes(request.path)
    .u8(request.mode === 'shared' ? 0 : 1)
    .take()
}

// ---- clone: one regular file -> a new one, by reflink or copy_file_range where the kernel has it

export interface CloneRequest {
  readonly from: Bytes
  readonly to: Bytes
}
export function encodeClone(request: CloneRequest): Uint8Array {
  return new Writer().bytes(request.from).bytes(request.to).take()
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

// ---- requests of the helper only: they need the mapped ids

/** What one place allows. `ok` false comes with the reason in `detail` ("EPERM: unshare"). */
export interface Fact {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
}
/** `scratch` is an empty folder in which overlayfs is tried; '' leaves it untried. */
export function encodeProbe(scratch: Bytes): Uint8Array {
  return new Writer().bytes(scratch).take()
}
export function decodeProbe(r: Reader): Fact[] {
  return r.list(() => ({ name: r.bytes(), ok: r.u8() === 1, detail: r.bytes() }))
}

/** How trees are stacked. 'copy' trees are whole: `lowers` then has at most one. */
export type Stacking = 'overlay' | 'copy'
const STACKINGS: readonly Stacking[] = ['overlay', 'copy']

/**
 * A file-system state under construction: `active` is a folder of ours (mode 0700) that holds `fs` (the upper, or the whole tree), `owners` and,
 * while in use, `work`, `merged`, `lower` and `walk`. `lowers` are the folders of the sealed parents, the topmost first; each holds `fs` and `owners`.
 */
export interface TreeRequest {
  readonly stacking: Stacking
  readonly lowers: readonly Bytes[]
  readonly active: Bytes
}
function writeTree(w: Writer, tree: TreeRequest): Writer {
  w.u8(STACKINGS.indexOf(tree.stacking)).list(tree.lowers, (path) => w.bytes(path))
  return w.bytes(tree.active)
}
/** Makes `fs` with the root directory's metadata of the parent (and, for 'copy', all of its files). */
export function encodeBegin(tree: TreeRequest): Uint8Array {
  return writeTree(new Writer(), tree).take()
}

/** Applies a layer to a begun tree. The reply is an IndexReply: the caller compares the diffID. */
export interface UnpackRequest extends TreeRequest {
  readonly blob: BlobSource
  /** New file for the table of contents, or ''. */
  readonly toc: Bytes
}
export function encodeUnpack(request: UnpackRequest): Uint8Array {
  const w = writeTree(new Writer(), request)
  return w.bytes(request.blob.path).u8(codeOfCodec(request.blob.codec)).bytes(request.toc).take()
}

/** One command over a begun tree. */
export interface StepRequest extends TreeRequest {
  readonly argv: readonly Bytes[]
  /** NAME=value, in order. PATH in it is used to find argv[0]. */
  readonly env: readonly Bytes[]
  /** Absolute, as the step sees it; made where it is missing, and then part of the step's changes. */
  readonly cwd: Bytes
  readonly uid: number
  readonly gid: number
  readonly groups: readonly number[]
  readonly hostname: Bytes
  readonly network: 'host' | 'none'
  /** Contents of /etc/hosts and /etc/resolv.conf, mounted so that no trace stays in the tree. */
  readonly hosts: Bytes
  readonly resolvConf: Bytes
  readonly noNewPrivileges: boolean
  /** False: standard input is empty. True: STDIN frames follow. */
  readonly stdin: boolean
}
export function encodeStep(request: StepRequest): Uint8Array {
  const w = writeTree(new Writer(), request)
  w.list(request.argv, (word) => w.bytes(word)).list(request.env, (word) => w.bytes(word))
  w.bytes(request.cwd)
    .u32(request.uid)
    .u32(request.gid)
    .list(request.groups, (gid) => w.u32(gid))
  w.bytes(request.hostname)
    .u8(request.network === 'host' ? 0 : 1)
    .bytes(request.hosts)
    .bytes(request.resolvConf)
  return w
    .u8(request.noNewPrivileges ? 1 : 0)
    .u8(request.stdin ? 1 : 0)
    .take()
}
/** How the command ended: by `exit` code, or by `signal` (0 when it exited). */
export interface StepReply {
  readonly exit: number
  readonly signal: number
}
export function decodeStep(r: Reader): StepReply {
  return { exit: r.i32(), signal: r.i32() }
}

/** The difference between a begun tree and its parent -> layer. With no difference `changes` is 0 and neither blob nor table of contents is made. */
export interface SealRequest extends TreeRequest, PackOptions {
  readonly output: Bytes
  readonly toc: Bytes
}
export interface SealReply extends PackReply {
  readonly changes: number
}
export function encodeSeal(request: SealRequest): Uint8Array {
  const w = writeTree(new Writer(), request)
  w.bytes(request.output).bytes(request.toc)
  writePackOptions(w, request)
  return w.take()
}
export function decodeSeal(r: Reader): SealReply {
  return { changes: r.u64(), ...decodePack(r) }
}

/** Removes whole trees, whoever owns what is in them. Paths that are gone already are fine. */
export function encodeRemove(paths: readonly Bytes[]): Uint8Array {
  const w = new Writer()
  return w.list(paths, (path) => w.bytes(path)).take()
}
