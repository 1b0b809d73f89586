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

export function toJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}

/** Rows in columns, three blanks apart; nothing for rows without a second one. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('   ')
      .trimEnd()
  return rows.length < 2 ? '' : `${rows.map(line).join('\n')}\n`
}
