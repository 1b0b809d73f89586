import { parseCsv } from '../builder/dockerfile/csv.ts'
import { TsbuildError } from '../registry/oci/error.ts'

/** The comma-separated fields of `--flag key=value,...`; one in quotes may hold commas, as in `"name=a,b"`. A field without `=` is true. Throws USAGE. */
export function fieldsOf(text: string, flag: string): Map<string, string> {
  const fields = parseCsv(text)
  if (fields === undefined || fields.includes(''))
    throw new TsbuildError('USAGE', `--${flag} ${text}: ${fields === undefined ? 'a quote is not closed' : 'an empty field'}`, {
      hint: 'write key=value,key=value; a field with a comma in it stands in double quotes',
    })
  return new Map(
    fields.map((field): [string, string] => {
      const equals = field.indexOf('=')
      return equals < 0 ? [field, 'true'] : [field.slice(0, equals), field.slice(equals + 1)]
    }),
  )
}
