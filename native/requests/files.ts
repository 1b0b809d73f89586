import { type Bytes, type Reader, Writer } from '../wire.ts'
import { type FileTime, type FileType, readTime, readXattrs, typeOfCode, type Xattr } from './fields.ts'

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
