import { type SourceRange, TsbuildError } from '../../registry/oci/error.ts'
import type { Instruction, InstructionKind } from './instruction.ts'

/** What the language has and this version does not carry out: refused at its line. A row goes when its feature comes. */
interface Row {
  readonly kind: InstructionKind
  readonly what: string
  /** The flag to point at. */
  readonly flag?: string
  readonly applies: (instruction: Instruction) => boolean
}

export const UNSUPPORTED: readonly Row[] = [row('run', 'RUN --device', (run) => run.devices.length > 0, 'device')]

function row<K extends InstructionKind>(
  kind: K,
  what: string,
  applies: (instruction: Extract<Instruction, { kind: K }>) => boolean,
  flag?: string,
): Row {
  const isKind = (instruction: Instruction): instruction is Extract<Instruction, { kind: K }> => instruction.kind === kind
  return { kind, what, applies: (instruction) => isKind(instruction) && applies(instruction), ...(flag === undefined ? {} : { flag }) }
}

/** Throws DOCKERFILE_UNSUPPORTED when `instruction`, or the one its ONBUILD holds, is in the table. */
export function refuseUnsupported(instruction: Instruction): void {
  if (instruction.kind === 'onbuild') refuseUnsupported(instruction.instruction)
  const found = UNSUPPORTED.find(({ applies }) => applies(instruction))
  if (found === undefined) return
  const flag = instruction.flags.find(({ name }) => name === found.flag)
  throw unsupported(found.what, flag?.at ?? instruction.at)
}

/** DOCKERFILE_UNSUPPORTED: `what` is not supported yet. Also for what only shows later: an archive in ADD, a trigger in a base image. */
export function unsupported(what: string, at: SourceRange, hint?: string): TsbuildError {
  return new TsbuildError('DOCKERFILE_UNSUPPORTED', `${what} is not supported yet`, {
    at,
    hint: hint ?? 'README.md lists what is supported',
  })
}
