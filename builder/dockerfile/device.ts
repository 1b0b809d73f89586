import { type SourceRange, TsbuildError } from '../../registry/oci/error.ts'
import { parseCsv } from './csv.ts'

/** One RUN --device: by its CDI name, `vendor.com/class=device`; the first or (`=*`) all of `vendor.com/class`; or all that are annotated with a class. */
export interface Device {
  readonly name: string
  /** The step does not run without it. */
  readonly required: boolean
}

const NAME = /^[A-Za-z][\w.-]*(?:\/[A-Za-z][\w-]*(?:=[A-Za-z0-9][\w.:-]*|=\*)?)?$/

/** Reads `NAME[,required]` or `name=NAME[,required=true|false]`. CDI specification 0.8, "Naming". Throws DOCKERFILE_SYNTAX at `at`. */
export function readDevice(text: string, at: SourceRange): Device {
  let name: string | undefined
  let required = false
  for (const field of parseCsv(text) ?? []) {
    const [, key = '', value = ''] = /^([^=]*)=?(.*)$/.exec(field) ?? []
    if (key.toLowerCase() === 'required' && /^(?:true|false|)$/i.test(value)) required = value.toLowerCase() !== 'false'
    else if (key.toLowerCase() === 'name' && name === undefined) name = value
    else if (NAME.test(field) && name === undefined) name = field
    else throw broken(`--device=${text}: unexpected ${JSON.stringify(field)}`, at)
  }
  if (name === undefined || !NAME.test(name)) throw broken(`--device=${text} names no device`, at)
  return { name, required }
}

function broken(message: string, at: SourceRange): TsbuildError {
  return new TsbuildError('DOCKERFILE_SYNTAX', message, {
    at,
    hint: 'write --device=vendor.com/class=device, and ,required where it must be there',
  })
}
