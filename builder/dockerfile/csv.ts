/**
 * The fields of one line of CSV (RFC 4180, section 2): separated by commas, one in double quotes may hold commas, and two quotes stand for one in it.
 * Undefined when a quote is not closed.
 */
export function parseCsv(line: string): string[] | undefined {
  const fields: string[] = []
  for (let at = 0; at <= line.length; at++) {
    if (line[at] !== '"') {
      const comma = line.indexOf(',', at)
      const end = comma < 0 ? line.length : comma
      fields.push(line.slice(at, end))
      at = end
      continue
    }
    const quoted = /"((?:[^"]|"")*)"(?=,|$)/y
    quoted.lastIndex = at
    const match = quoted.exec(line)
    if (match === null) return undefined
    fields.push((match[1] ?? '').replaceAll('""', '"'))
    at = quoted.lastIndex
  }
  return fields
}
