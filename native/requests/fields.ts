import type { Codec } from '../../registry/oci/media-type.ts'
import type { Bytes, Reader, Writer } from '../wire.ts'

/**
 * Bodies of the requests and replies, one type with its encoder or decoder each. The C++ side reads the fields in the order of the encoder.
 * Digests travel as 32 raw bytes. Paths are byte strings; a path inside a root is relative, without a leading or trailing slash, '' is the root itself.
 */

/** Type of a file, as the type flag of a tar entry (POSIX pax): see pax(1), "ustar Interchange Format". */
export type FileType = 'file' | 'hardlink' | 'symlink' | 'char' | 'block' | 'directory' | 'fifo' | 'socket'
const TYPES: readonly FileType[] = ['file', 'hardlink', 'symlink', 'char', 'block', 'directory', 'fifo', 'socket']
/** How what is read may be compressed: layers by a `Codec`, archives by the others as well. */
export type ReadCodec = Codec | 'bzip2' | 'xz'
const CODECS: readonly ReadCodec[] = ['none', 'gzip', 'zstd', 'bzip2', 'xz']

export function typeOfCode(code: number): FileType {
  const type = TYPES[code]
  if (type === undefined) throw new RangeError(`file type ${code}`)
  return type
}
export const codeOfType = (type: FileType): number => TYPES.indexOf(type)
export const codeOfCodec = (codec: ReadCodec): number => CODECS.indexOf(codec)

export interface Xattr {
  readonly name: Bytes
  readonly value: Bytes
}

/** A time of a file. */
export interface FileTime {
  readonly seconds: number
  readonly nanoseconds: number
}

export const readTime = (r: Reader): FileTime => ({ seconds: r.i64(), nanoseconds: r.u32() })
export const writeTime = (w: Writer, time: FileTime): void => void w.i64(time.seconds).u32(time.nanoseconds)
export const readXattrs = (r: Reader): Xattr[] => r.list((x) => ({ name: x.bytes(), value: x.bytes() }))
export const writeXattrs = (w: Writer, xattrs: readonly Xattr[]): void => void w.list(xattrs, (x) => w.bytes(x.name).bytes(x.value))
