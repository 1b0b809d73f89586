import { excerpt } from '../builder/dockerfile/excerpt.ts'
import { NativeCause } from '../native/failure.ts'
import { hasCode, type SourceRange, TsbuildError } from '../registry/oci/error.ts'
import type { Context } from './context.ts'
import { printable, shortened } from './printable.ts'

/** Prints what went wrong and returns the exit status. One line says it; the place in the Dockerfile, a command's last output and a hint follow. */
export function printFailure(error: unknown, context: Pick<Context, 'printError' | 'signal' | 'sources'>): number {
  const reason = context.signal.aborted ? context.signal.reason : first(error)
  if (!isOurs(reason)) {
    context.printError(
      `tsbuild: internal error: ${reason instanceof Error ? reason.stack : String(reason)}\nhint: this is a bug in tsbuild; please report it\n`,
    )
    return 1
  }
  for (const line of outputOf(reason)) context.printError(` > ${printable(line)}\n`)
  if (reason.at !== undefined) context.printError(`${excerptOf(reason.at, context.sources.get(reason.at.file))}\n`)
  context.printError(`tsbuild: ${printable(shortened(reason.message))}${causeOf(reason)}\n`)
  if (reason.hint !== undefined) context.printError(`hint: ${printable(shortened(reason.hint))}\n`)
  return hasCode(reason, 'INTERRUPTED') ? (reason.cause as { status: number }).status : isUsage(reason) ? 2 : 1
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
  return `: ${printable(shortened(error.cause.message.replace(`${code}: `, '')))}`
}

function outputOf(error: TsbuildError): readonly string[] {
  return (error.cause as { output?: readonly string[] } | undefined)?.output ?? []
}

function excerptOf(at: SourceRange, text: Uint8Array | undefined): string {
  return text === undefined ? printable(`${at.file}:${at.startLine}`) : excerpt(text, at)
}
