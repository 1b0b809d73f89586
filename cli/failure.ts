import { excerpt } from '../builder/dockerfile/excerpt.ts'
import { NativeCause } from '../native/failure.ts'
import { hasCode, type SourceRange, TsbuildError } from '../registry/oci/error.ts'
import type { Context } from './context.ts'
import { printable, shortened } from './printable.ts'

/** What went wrong, not yet made printable. */
export interface Failure {
  readonly message: string
  readonly hint: string | undefined
  /** The last lines of the command that failed. */
  readonly output: readonly string[]
  /** The place in the Dockerfile, printable. */
  readonly excerpt: string | undefined
  readonly status: number
  /** Of ours: the message has the lines of a stack trace. */
  readonly isBug: boolean
}

/** Prints what went wrong and returns the exit status. One line says it; the place in the Dockerfile, a command's last output and a hint follow. */
export function printFailure(error: unknown, context: Pick<Context, 'printError' | 'signal' | 'sources'>): number {
  const { message, hint, output, excerpt, status, isBug } = failureOf(error, context)
  for (const line of output) context.printError(` > ${printable(line)}\n`)
  if (excerpt !== undefined) context.printError(`${excerpt}\n`)
  context.printError(`tsbuild: ${isBug ? message : printable(message)}\n`)
  if (hint !== undefined) context.printError(`hint: ${printable(hint)}\n`)
  return status
}

/** What a command that threw `error` has to say about it. */
export function failureOf(error: unknown, context: Pick<Context, 'signal' | 'sources'>): Failure {
  const reason = context.signal.aborted ? context.signal.reason : first(error)
  if (!isOurs(reason)) {
    const message = `internal error: ${reason instanceof Error ? reason.stack : String(reason)}`
    return { message, hint: 'this is a bug in tsbuild; please report it', output: [], excerpt: undefined, status: 1, isBug: true }
  }
  return {
    message: shortened(reason.message) + causeOf(reason),
    hint: reason.hint === undefined ? undefined : shortened(reason.hint),
    output: outputOf(reason),
    excerpt: reason.at === undefined ? undefined : excerptOf(reason.at, context.sources.get(reason.at.file)),
    status: hasCode(reason, 'INTERRUPTED') ? (reason.cause as { status: number }).status : isUsage(reason) ? 2 : 1,
    isBug: false,
  }
}

/** A word that is no reference or platform is wrong usage too, unless it stands in a Dockerfile. */
function isUsage(error: TsbuildError): boolean {
  return error.code === 'USAGE' || (error.at === undefined && ['REFERENCE_INVALID', 'PLATFORM_INVALID'].includes(error.code))
}

/** What went wrong before cleaning up went wrong, too: a SuppressedError of `await using` hides it. */
function first(error: unknown): unknown {
  return error instanceof Error && error.name === 'SuppressedError' ? first((error as { suppressed?: unknown }).suppressed) : error
}

function isOurs(error: unknown): error is TsbuildError {
  return error instanceof TsbuildError || (error instanceof Error && error.name === 'TsbuildError')
}

/** A reason that the message itself does not give, as in `cannot store blob ...: ENOSPC: no space left on device`. What is behind a native failure, it does give. */
function causeOf(error: TsbuildError): string {
  if (!(error.cause instanceof Error) || error.cause instanceof NativeCause || error.message.includes(error.cause.message)) return ''
  const [, code] = /: (E[A-Z0-9]+)$/.exec(error.message) ?? [] // a message that ends with the code, as the cause begins
  return `: ${shortened(error.cause.message.replace(`${code}: `, ''))}`
}

function outputOf(error: TsbuildError): readonly string[] {
  return (error.cause as { output?: readonly string[] } | undefined)?.output ?? []
}

function excerptOf(at: SourceRange, text: Uint8Array | undefined): string {
  return text === undefined ? printable(`${at.file}:${at.startLine}`) : excerpt(text, at)
}
