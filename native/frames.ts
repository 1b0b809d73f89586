import { MAX_FRAME } from './protocol.ts'

/** A frame: u32 length of what follows, u32 request id, u8 kind, body. */
export interface Frame {
  readonly id: number
  readonly kind: number
  readonly body: Uint8Array
}

const HEAD = 9

/** The head of a frame; its body follows as it is. */
export function frameHead(id: number, kind: number, bodyBytes: number): Uint8Array {
  const head = Buffer.allocUnsafe(HEAD)
  head.writeUInt32LE(bodyBytes + HEAD - 4, 0)
  head.writeUInt32LE(id, 4)
  head.writeUInt8(kind, 8)
  return head
}

/** Pieces of a stream -> whole frames, in time linear in the bytes however they are cut. */
export class FrameParser {
  #pieces: Buffer[] = []
  #bytes = 0
  #wanted = HEAD

  /** The frames that `piece` completes. Throws RangeError for a length that no frame has. */
  push(piece: Buffer): Frame[] {
    const frames: Frame[] = []
    this.#pieces.push(piece)
    this.#bytes += piece.length
    while (this.#bytes >= this.#wanted) {
      const [first = piece, ...more] = this.#pieces
      const buffer = more.length === 0 ? first : Buffer.concat(this.#pieces)
      const end = buffer.readUInt32LE(0) + 4
      if (end < HEAD || end > MAX_FRAME + 4) throw new RangeError(`frame of ${end} bytes`)
      const whole = buffer.length >= end
      if (whole) frames.push({ id: buffer.readUInt32LE(4), kind: buffer.readUInt8(8), body: buffer.subarray(HEAD, end) })
      const rest = whole ? buffer.subarray(end) : buffer
      this.#pieces = [rest]
      this.#bytes = rest.length
      this.#wanted = whole ? HEAD : end
    }
    return frames
  }
}
