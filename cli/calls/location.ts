import type { SourceRange } from '../../registry/oci/error.ts'

/** `pb.Location` of BuildKit as JSON: lines count from 1, characters from 0; the end is exclusive. */
export interface JsonLocation {
  readonly ranges: readonly { readonly start: JsonPosition; readonly end: JsonPosition }[]
}

interface JsonPosition {
  readonly line: number
  readonly character: number
}

export function jsonLocation({ startLine, endLine, startColumn, endColumn }: SourceRange): JsonLocation {
  const start = { line: startLine, character: startColumn === undefined ? 0 : startColumn - 1 }
  const end = { line: endLine, character: endColumn === undefined ? 0 : endColumn - 1 }
  return { ranges: [{ start, end }] }
}

/** Blanks between columns, as in buildx. */
export const GAP = 3

export function toJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}
