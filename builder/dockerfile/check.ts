import { type SourceRange, TsbuildError } from '../../registry/oci/error.ts'
import { wordIn } from '../located.ts'
import { readDevice } from './device.ts'
import { isLoneNegation, readPattern } from './ignore-pattern.ts'
import type { AddInstruction, CopyInstruction, Instruction, ParsedDockerfile, RunInstruction } from './instruction.ts'
import { readMode } from './mode.ts'
import { readMount } from './mount.ts'
import { readPort } from './ports.ts'
import { readSignal } from './signals.ts'
import { remoteSource } from './sources.ts'

/**
 * Returns `parsed` when it can be built as far as its text tells. Throws DOCKERFILE_SYNTAX for what is wrong without any value being known, and
 * DOCKERFILE_UNSUPPORTED for what this version does not do, both at their line.
 */
export function checkDockerfile(parsed: ParsedDockerfile): ParsedDockerfile {
  checkStages(parsed.instructions)
  for (const instruction of parsed.instructions) checkInstruction(instruction)
  return parsed
}

/** Throws DOCKERFILE_SYNTAX unless a FROM comes first, but for ARG. */
export function checkStages(instructions: readonly Instruction[]): void {
  const first = instructions.find((instruction) => instruction.kind !== 'arg')
  if (first?.kind === 'from') return
  if (first !== undefined)
    throw broken('no build stage in current context', first.at, `${first.kind.toUpperCase()} cannot come before FROM; only ARG can`)
  const last = instructions.at(-1)
  throw broken('dockerfile contains no stages to build', last?.at, 'add a FROM')
}

/** `checkDockerfile` for one instruction. */
export function checkInstruction(instruction: Instruction): void {
  const { at } = instruction
  if (instruction.kind === 'onbuild') checkInstruction(instruction.instruction)
  else if (instruction.kind === 'expose') for (const port of instruction.ports.filter(isConstant)) checkPort(port, wordIn(at, port))
  else if (instruction.kind === 'stopsignal' && isConstant(instruction.signal))
    checkSignal(instruction.signal, wordIn(at, instruction.signal))
  else if (instruction.kind === 'copy') checkCopy(instruction)
  else if (instruction.kind === 'run') checkRun(instruction)
  if ((instruction.kind === 'copy' || instruction.kind === 'add') && instruction.chmod !== undefined && isConstant(instruction.chmod))
    checkMode(instruction.chmod, instruction.flags.find(({ name }) => name === 'chmod')?.at ?? at)
  if (instruction.kind === 'copy' || instruction.kind === 'add') checkExclude(instruction)
}

/** Known without expansion. */
function isConstant(text: string): boolean {
  return !/["'$\\`]/.test(text)
}

/** Throws DOCKERFILE_SYNTAX unless `port` (expanded) is one. */
export function checkPort(port: string, at: SourceRange): readonly string[] {
  const read = readPort(port)
  if (read === undefined) throw broken(`invalid containerPort: ${JSON.stringify(port)}`, at, 'write 80, 80/udp or 8000-8010')
  return read.ports
}

/** Throws DOCKERFILE_SYNTAX when one of VOLUME's paths (expanded) is blank. */
export function checkVolumes(paths: readonly string[], at: SourceRange): void {
  if (paths.includes('')) throw broken('VOLUME specified can not be an empty string', at, 'write a path, or leave it out')
}

/** Throws DOCKERFILE_SYNTAX unless `signal` (expanded) is one. */
export function checkSignal(signal: string, at: SourceRange): void {
  if (readSignal(signal) === undefined)
    throw broken(`invalid signal: ${JSON.stringify(signal)}`, at, 'write a name such as SIGTERM, or a number other than 0')
}

/** Throws DOCKERFILE_SYNTAX unless `mode` (expanded) can be read. */
export function checkMode(mode: string, at: SourceRange): void {
  if (readMode(mode) === undefined)
    throw broken(`invalid chmod parameter: ${JSON.stringify(mode)}`, at, 'write an octal mode from 0 to 7777, or one like u=rwX,go=rX')
}

function checkRun({ flags }: RunInstruction): void {
  for (const { name, value = '', at } of flags) {
    if (name === 'mount') readMount(value, at)
    else if (name === 'device') readDevice(value, at)
  }
}

function checkExclude({ flags }: CopyInstruction | AddInstruction): void {
  for (const { name, value = '', at } of flags) {
    if (name !== 'exclude' || readPattern(value) !== undefined) continue
    const hint = isLoneNegation(value.trim()) ? 'name a path after the !' : 'close the bracket, or escape it with \\'
    throw broken(`not a pattern: --exclude=${value}`, at, hint)
  }
}

function checkCopy(copy: CopyInstruction): void {
  const remote = copy.sources.find((source) => remoteSource(source) !== undefined)
  if (remote !== undefined)
    throw broken(`source can't be a git ref or URL for COPY: ${JSON.stringify(remote)}`, wordIn(copy.at, remote), 'use ADD')
  if (copy.from?.includes('$'))
    throw broken(
      `variable expansion is not supported for --from: ${JSON.stringify(copy.from)}`,
      copy.flags.find(({ name }) => name === 'from')?.at ?? copy.at,
      'define a stage (FROM with an ARG before it, AS name) and name that',
    )
}

function broken(message: string, at: SourceRange | undefined, hint: string): TsbuildError {
  return new TsbuildError('DOCKERFILE_SYNTAX', message, { at, hint })
}
