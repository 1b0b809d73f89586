import { columnsOf } from './progress/width.ts'

/** Rows in columns, the first row their titles, with `gap` blanks between them. */
export function table(rows: readonly (readonly string[])[], gap = 2): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => columnsOf(row[column] ?? ''))))
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - columnsOf(cell))))
      .join(' '.repeat(gap))
      .trimEnd()
  return rows.map((row) => `${line(row)}\n`).join('')
}
