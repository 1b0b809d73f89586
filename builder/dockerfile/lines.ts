import { TsbuildError } from '../../registry/oci/error.ts'

/** More than any hand-written or generated Dockerfile seen; what is read whole has a cap. */
export const MAX_DOCKERFILE_BYTES = 16 * 1024 * 1024
/** The limit of Docker's own reader, so that what builds here builds there. */
export const MAX_LINE_BYTES = 65535

const LF = 0x0a
const CR = 0x0d

export interface Line {
  /** Without its line end. */
  readonly text: string
  /** `\n`, `\r\n`, or empty at the end of the file. */
  readonly end: string
}

/**
 * Bytes or text -> physical lines, without a byte-order mark. Throws DOCKERFILE_SYNTAX for an empty or too large file, a line over 65535 bytes, and
 * bytes that are no UTF-8: names in COPY and arguments of RUN would not survive a guess.
 */
export function splitLines(source: string | Uint8Array, file: string): Line[] {
  const text = typeof source === 'string' ? source : decode(source, file)
  if (Buffer.byteLength(text) > MAX_DOCKERFILE_BYTES) throw broken(file, 1, `the Dockerfile is larger than ${MAX_DOCKERFILE_BYTES} bytes`)
  const body = text.startsWith('\ufeff') ? text.slice(1) : text
  if (body === '') throw broken(file, 1, 'the Dockerfile cannot be empty')
  const lines: Line[] = []
  for (let from = 0; from < body.length; ) {
    const feed = body.indexOf('\n', from)
    const next = feed < 0 ? body.length : feed + 1
    lines.push(lineOf(body, from, next, { file, number: lines.length + 1 }))
    from = next
  }
  return lines
}

function lineOf(body: string, from: number, next: number, { file, number }: { file: string; number: number }): Line {
  let end = next
  if (body.charCodeAt(end - 1) === LF) end--
  while (end > from && body.charCodeAt(end - 1) === CR) end--
  const text = body.slice(from, end)
  if (text.length * 3 > MAX_LINE_BYTES && Buffer.byteLength(text) > MAX_LINE_BYTES)
    throw broken(
      file,
      number,
      `dockerfile line greater than max allowed size of ${MAX_LINE_BYTES}`,
      'break the line with a continuation, or use a heredoc',
    )
  if (text.includes('\0')) throw broken(file, number, 'the Dockerfile holds a NUL byte', 'save it as UTF-8 (not UTF-16) text')
  return { text, end: end === next - 1 && body.charCodeAt(end) === LF ? '\n' : body.slice(end, next) }
}

function decode(bytes: Uint8Array, file: string): string {
  if (bytes.length > MAX_DOCKERFILE_BYTES) throw broken(file, 1, `the Dockerfile is larger than ${MAX_DOCKERFILE_BYTES} bytes`)
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  try {
    return decoder.decode(bytes)
  } catch (cause) {
    throw new TsbuildError('DOCKERFILE_SYNTAX', 'the Dockerfile is not valid UTF-8', {
      cause,
      hint: 'save it as UTF-8 text',
      at: { file, startLine: brokenLine(bytes), endLine: brokenLine(bytes) },
    })
  }
}

/** Number of the first line that is no UTF-8: no multi-byte character holds a line feed, so lines can be tried one by one. */
function brokenLine(bytes: Uint8Array): number {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  for (let from = 0, number = 1; from < bytes.length; number++) {
    const feed = bytes.indexOf(10, from)
    const next = feed < 0 ? bytes.length : feed + 1
    try {
      decoder.decode(bytes.subarray(from, next))
    } catch {
      return number
    }
    from = next
  }
  return 1
}

function broken(file: string, line: number, message: string, hint?: string): TsbuildError {
  return new TsbuildError('DOCKERFILE_SYNTAX', message, { hint, at: { file, startLine: line, endLine: line } })
}
