/** How many first bytes of a file tell whether it may be an archive: one header of a tar. */
export const START_BYTES = 512

const COMPRESSED = ['1f8b', '28b52ffd', '425a68', 'fd377a585a00']

/** Whether these first bytes are those of a compression that archives come in, or the header of a tar: it is worth trying to read it as one. */
export function looksLikeArchive(start: Uint8Array): boolean {
  const hex = Buffer.from(start.subarray(0, 6)).toString('hex')
  return COMPRESSED.some((magic) => hex.startsWith(magic)) || isTarHeader(Buffer.from(start))
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
