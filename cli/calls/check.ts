import { type Finding, pageOf, ruleOf } from '../../builder/check/rule.ts'
import { excerptOf, linesOf } from '../../builder/dockerfile/excerpt.ts'
import { TsbuildError } from '../../registry/oci/error.ts'
import { printable } from '../printable.ts'
import { jsonLocation, toJson } from './location.ts'

export interface Checked {
  readonly file: string
  readonly source: Uint8Array
  readonly report: readonly Finding[]
  /** Why it cannot be built, when it cannot. */
  readonly error: unknown
  /** What is no warning and still worth a line. */
  readonly notes?: readonly string[] | undefined
}

/** `--call=check`: how many there are, then each warning with its page and lines. The error is not in it: whoever throws it has it printed. */
export function checkText({ source, report, error, notes = [] }: Checked): string {
  const lines = linesOf(source)
  const blocks = report.map(({ rule, message, hint, at }) =>
    [
      '',
      `WARNING: ${rule} - ${pageOf(rule)}`,
      printable(message),
      ...(hint === undefined ? [] : [`hint: ${printable(hint)}`]),
      ...(at === undefined ? [] : [excerptOf(lines, at)]),
    ].join('\n'),
  )
  const told = notes.flatMap((note) => ['', `Note: ${printable(note)}`])
  return [summary(report.length, error !== undefined), ...blocks, ...told, ''].join('\n')
}

function summary(count: number, isBroken: boolean): string {
  if (count === 0) return isBroken ? 'Check ended with an error.' : 'Check complete, no warnings found.'
  const found = count === 1 ? '1 warning has been found!' : `${count} warnings have been found!`
  return `Check ${isBroken ? 'ended with an error' : 'complete'}, ${found}`
}

/** The same with the fields of BuildKit's `lint` result. Throws what is no error of the Dockerfile or its images. */
export function checkJson({ file, source, report, error }: Checked): string {
  if (error !== undefined && !(error instanceof TsbuildError)) throw error
  const location = (at: Finding['at']) => (at === undefined ? {} : { location: { sourceIndex: 0, ...jsonLocation(at) } })
  return toJson({
    warnings: report.map(({ rule, message, hint, at }) => ({
      ruleName: rule,
      description: ruleOf(rule).summary,
      url: pageOf(rule),
      detail: hint === undefined ? message : `${message}; ${hint}`,
      ...location(at),
    })),
    sources: [{ filename: file, language: 'Dockerfile', data: Buffer.from(source).toString('base64') }],
    ...(error === undefined ? {} : { buildError: { message: error.message, ...location(error.at) } }),
  })
}
