import type { Buffer as NodeBuffer } from 'node:buffer'
import { type FileTime, type FileType, typeOfCode, type Xattr } from '../../native/requests/fields.ts'
import { type Bytes, Reader } from '../../native/wire.ts'
import { asDiffID, type DiffID, digestFromBytes } from '../oci/digest.ts'
import { TsbuildError } from '../oci/error.ts'

const MAGIC = '\x01TSBTOC\n'
export const TOC_HEADER_BYTES = 56
const MAX_ENTRIES = 5_000_000
/** From the type of an entry to its link: type, mode, uid, gid, size, mtime. */
const FIXED_BYTES = 1 + 4 + 4 + 4 + 8 + 8 + 4

/** One entry of a layer's tar, as it stands there: whiteouts are files named `.wh.x`. */
export interface TocEntry {
  /** Relative, without a trailing slash; '' is the root. */
  readonly path: Bytes
  readonly type: FileType
  /** 07777. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly mtime: FileTime
  /** Target of a symlink; path of the first name of a hard link. */
  readonly link: Bytes
  readonly rdevMajor: number
  readonly rdevMinor: number
  /** Where the content begins in the uncompressed tar. */
  readonly offset: number
  /** Of the content; there for every regular file. 32 bytes. */
  readonly sha256: Uint8Array | undefined
  readonly xattrs: readonly Xattr[]
}

/** Table of contents of a layer, in the order of its tar. */
export interface Toc {
  readonly diffID: DiffID
  /** Bytes of the uncompressed tar. */
  readonly tarSize: number
  readonly entries: readonly TocEntry[]
}

/**
 * Reads what the native core wrote (layer/toc.h). Throws TOC_INVALID for anything else, also when it ends early.
 * Only paths and types are decoded at once, the rest of an entry when it is asked for: bases have tens of thousands, and most are never looked at.
 */
export function parseToc(bytes: NodeBuffer): Toc {
  const text = bytes.toString('latin1') // paths are slices of this one string, which costs no copy
  if (!text.startsWith(MAGIC) || bytes.length < TOC_HEADER_BYTES) throw invalid('not of this format')
  const reader = new Reader(bytes.subarray(8, TOC_HEADER_BYTES))
  const tarSize = reader.u64()
  const diffID = asDiffID(digestFromBytes(reader.raw(32)))
  const count = reader.u64()
  if (count > MAX_ENTRIES) throw invalid(`${count} entries`)
  try {
    return { diffID, tarSize, entries: parseEntries({ bytes, text }, count) }
  } catch (cause) {
    if (cause instanceof RangeError) throw invalid('ends early', cause)
    throw cause
  }
}

/** The layer that a table of contents is of, from its first bytes; undefined when it is none. */
export function tocDiffID(start: NodeBuffer | undefined): DiffID | undefined {
  if (start === undefined || start.length < TOC_HEADER_BYTES || start.toString('latin1', 0, 8) !== MAGIC) return undefined
  return asDiffID(digestFromBytes(start.subarray(16, 48)))
}

interface Source {
  readonly bytes: NodeBuffer
  readonly text: string
}

function parseEntries(source: Source, count: number): TocEntry[] {
  const { bytes, text } = source
  const entries: TocEntry[] = []
  let at = TOC_HEADER_BYTES
  for (let i = 0; i < count; i++) {
    const fixed = at + 4 + bytes.readUInt32LE(at)
    const type = typeOfCode(bytes.readUInt8(fixed))
    entries.push(new LazyEntry(source, text.slice(at + 4, fixed), type, fixed))
    at = endOfEntry(bytes, fixed)
  }
  if (at !== bytes.length) throw new RangeError(`${bytes.length - at} bytes too many`)
  return entries
}

function endOfEntry(bytes: NodeBuffer, fixed: number): number {
  let at = fixed + FIXED_BYTES
  at += 4 + bytes.readUInt32LE(at) + 4 + 4 + 8 // link, rdev, offset
  at += bytes.readUInt8(at) === 0 ? 1 : 33
  const xattrs = bytes.readUInt32LE(at)
  at += 4
  for (let i = 0; i < 2 * xattrs; i++) at += 4 + bytes.readUInt32LE(at)
  return at
}

class LazyEntry implements TocEntry {
  readonly path: Bytes
  readonly type: FileType
  readonly #source: Source
  readonly #fixed: number

  constructor(source: Source, path: Bytes, type: FileType, fixed: number) {
    this.path = path
    this.type = type
    this.#source = source
    this.#fixed = fixed
  }
  get mode(): number {
    return this.#source.bytes.readUInt32LE(this.#fixed + 1)
  }
  get uid(): number {
    return this.#source.bytes.readUInt32LE(this.#fixed + 5)
  }
  get gid(): number {
    return this.#source.bytes.readUInt32LE(this.#fixed + 9)
  }
  get size(): number {
    return Number(this.#source.bytes.readBigUInt64LE(this.#fixed + 13))
  }
  get mtime(): FileTime {
    const { bytes } = this.#source
    return { seconds: Number(bytes.readBigInt64LE(this.#fixed + 21)), nanoseconds: bytes.readUInt32LE(this.#fixed + 29) }
  }
  get link(): Bytes {
    const at = this.#fixed + FIXED_BYTES
    return this.#source.text.slice(at + 4, at + 4 + this.#source.bytes.readUInt32LE(at))
  }
  get rdevMajor(): number {
    return this.#source.bytes.readUInt32LE(this.#afterLink)
  }
  get rdevMinor(): number {
    return this.#source.bytes.readUInt32LE(this.#afterLink + 4)
  }
  get offset(): number {
    return Number(this.#source.bytes.readBigUInt64LE(this.#afterLink + 8))
  }
  get sha256(): Uint8Array | undefined {
    const at = this.#afterLink + 16
    return this.#source.bytes[at] === 0 ? undefined : this.#source.bytes.subarray(at + 1, at + 33)
  }
  get xattrs(): readonly Xattr[] {
    const at = this.#afterLink + 16
    const reader = new Reader(this.#source.bytes.subarray(at + (this.#source.bytes[at] === 0 ? 1 : 33)))
    return reader.list((r) => ({ name: r.bytes(), value: r.bytes() }))
  }
  get #afterLink(): number {
    const at = this.#fixed + FIXED_BYTES
    return at + 4 + this.#source.bytes.readUInt32LE(at)
  }
}

function invalid(why: string, cause?: unknown): TsbuildError {
  return new TsbuildError('TOC_INVALID', `table of contents: ${why}`, { cause })
}
