import { open } from 'node:fs/promises'
import type { ReadCodec } from '../../native/requests/fields.ts'

/** How many first bytes of a file tell whether it may be an archive: one header of a tar. */
export const START_BYTES = 512

const MAGIC: readonly (readonly [magic: string, codec: ReadCodec])[] = [
  ['1f8b', 'gzip'],
  ['28b52ffd', 'zstd'],
  ['425a68', 'bzip2'],
  ['fd377a585a00', 'xz'],
]

/** The first START_BYTES of a file, or all of a shorter one. */
export async function firstBytes(path: string): Promise<Buffer> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(START_BYTES), 0, START_BYTES, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

/** The compression that a file with these first bytes has, told by them alone. */
export function codecOfStart(start: Uint8Array): ReadCodec {
  const hex = Buffer.from(start.subarray(0, 6)).toString('hex')
  return MAGIC.find(([magic]) => hex.startsWith(magic))?.[1] ?? 'none'
}

/** Whether these first bytes are those of a compression that archives come in, or the header of a tar: it is worth trying to read it as one. */
export function looksLikeArchive(start: Uint8Array): boolean {
  return codecOfStart(start) !== 'none' || isTarHeader(Buffer.from(start))
}

/** A header whose checksum holds: tar(5), "checksum" (the field itself counts as blanks; some old tars sum signed bytes). */
export function isTarHeader(block: Buffer): boolean {
  if (block.length < START_BYTES) return false
  const stored = Number.parseInt(
    block
      .toString('latin1', 148, 156)
      .replace(/[\0 ]+$/, '')
      .trim(),
    8,
  )
  const counted = block.subarray(0, START_BYTES).map((byte, index) => (index >= 148 && index < 156 ? 0x20 : byte))
  const sum = counted.reduce((total, byte) => total + byte, 0)
  const highBytes = counted.filter((byte) => byte >= 0x80).length
  return stored === sum || stored === sum - 256 * highBytes
}
