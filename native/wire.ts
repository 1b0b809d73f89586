import type { Buffer as NodeBuffer } from 'node:buffer'

/** Bytes of a path or name as the kernel has them, one character a byte (latin1), so that any name survives. */
export type Bytes = string

/** UTF-8 text -> its bytes as a byte string. */
export function bytesOfText(text: string): Bytes {
  return isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1')
}

/** A byte string -> text for people; bytes that are not UTF-8 become U+FFFD. */
export function textOfBytes(bytes: Bytes): string {
  return isAscii(bytes) ? bytes : Buffer.from(bytes, 'latin1').toString('utf8')
}

function isAscii(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range is the definition of ASCII
  return /^[\x00-\x7f]*$/.test(text)
}

const TWO_32 = 2 ** 32

/** Writes what `Reader` in src/common/wire.h reads: little-endian integers, bytes as u32 length + data, lists as u32 count + items. */
export class Writer {
  #buffer: NodeBuffer = Buffer.allocUnsafe(1024)
  #length = 0

  u8(value: number): this {
    this.#room(1)
    this.#length = this.#buffer.writeUInt8(value, this.#length)
    return this
  }
  u32(value: number): this {
    this.#room(4)
    this.#length = this.#buffer.writeUInt32LE(value, this.#length)
    return this
  }
  /** Two halves: exact up to 2^53, and several times faster than through a BigInt. */
  u64(value: number): this {
    return this.u32(value % TWO_32).u32(Math.floor(value / TWO_32))
  }
  i64(value: number): this {
    const high = Math.floor(value / TWO_32)
    this.u32(value - high * TWO_32)
    return this.u32(high < 0 ? high + TWO_32 : high)
  }
  bytes(value: Bytes | Uint8Array): this {
    this.u32(value.length)
    return this.raw(value)
  }
  raw(value: Bytes | Uint8Array): this {
    this.#room(value.length)
    if (typeof value === 'string') this.#buffer.write(value, this.#length, 'latin1')
    else this.#buffer.set(value, this.#length)
    this.#length += value.length
    return this
  }
  list<T>(items: readonly T[], write: (item: T, writer: this) => void): this {
    this.u32(items.length)
    for (const item of items) write(item, this)
    return this
  }
  take(): Uint8Array {
    return this.#buffer.subarray(0, this.#length)
  }

  #room(size: number): void {
    if (this.#length + size <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + size))
    this.#buffer.copy(larger, 0, 0, this.#length)
    this.#buffer = larger
  }
}

/** Reads what `Writer` wrote; a read past the end throws a RangeError, which callers turn into their own error. */
export class Reader {
  readonly #buffer: NodeBuffer
  #offset = 0

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }
  get offset(): number {
    return this.#offset
  }
  get atEnd(): boolean {
    return this.#offset === this.#buffer.length
  }
  u8(): number {
    const value = this.#buffer.readUInt8(this.#offset)
    this.#offset += 1
    return value
  }
  u32(): number {
    const value = this.#buffer.readUInt32LE(this.#offset)
    this.#offset += 4
    return value
  }
  i32(): number {
    const value = this.#buffer.readInt32LE(this.#offset)
    this.#offset += 4
    return value
  }
  /** Sizes and offsets: exact up to 2^53, which is past every limit we have. */
  u64(): number {
    const low = this.u32()
    return this.u32() * TWO_32 + low
  }
  i64(): number {
    const low = this.u32()
    return this.i32() * TWO_32 + low
  }
  bytes(): Bytes {
    const size = this.u32()
    const end = this.#end(size)
    const value = this.#buffer.toString('latin1', this.#offset, end)
    this.#offset = end
    return value
  }
  raw(size: number): Uint8Array {
    const end = this.#end(size)
    const value = this.#buffer.subarray(this.#offset, end)
    this.#offset = end
    return value
  }
  list<T>(read: (reader: this) => T): T[] {
    const count = this.u32()
    this.#end(count)
    const items: T[] = []
    for (let i = 0; i < count; i++) items.push(read(this))
    return items
  }

  #end(size: number): number {
    const end = this.#offset + size
    if (end > this.#buffer.length) throw new RangeError(`message ends ${end - this.#buffer.length} bytes early`)
    return end
  }
}
