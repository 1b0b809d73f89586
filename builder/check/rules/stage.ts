import type { RunConfig } from '../../../registry/oci/config.ts'
import type { SourceRange } from '../../../registry/oci/error.ts'
import type { Instruction } from '../../dockerfile/instruction.ts'
import { wordIn } from '../../located.ts'
import type { Finding } from '../rule.ts'

type Single = 'cmd' | 'entrypoint' | 'healthcheck'

/** What the rules about the order of instructions remember of a stage. */
export class StageHistory {
  /** Also true when a stage below it in this file had a WORKDIR. */
  hasWorkdir: boolean
  readonly #last = new Map<Single, SourceRange>()

  constructor(below: StageHistory | undefined) {
    this.hasWorkdir = below?.hasWorkdir ?? false
  }

  /** Where the stage had this instruction before, and that it has it now. */
  replace(kind: Single, at: SourceRange): SourceRange | undefined {
    const before = this.#last.get(kind)
    this.#last.set(kind, at)
    return before
  }
}

/** WorkdirRelativePath: of the first WORKDIR only, since mending that one mends all that follow. */
export function workdirRelative(instruction: Instruction, history: StageHistory, word: (text: string) => string): Finding[] {
  if (instruction.kind !== 'workdir') return []
  const isFirst = !history.hasWorkdir
  history.hasWorkdir = true
  const path = isFirst ? word(instruction.path) : '/'
  if (path.startsWith('/')) return []
  return [
    {
      rule: 'WorkdirRelativePath',
      message: `WORKDIR ${path} depends on the working directory of the base image: begin it with /`,
      at: wordIn(instruction.at, instruction.path),
    },
  ]
}

/** MultipleInstructionsDisallowed: at the earlier one, which is the one without effect. */
export function multipleInstructions({ kind, at }: Instruction, history: StageHistory): Finding[] {
  if (kind !== 'cmd' && kind !== 'entrypoint' && kind !== 'healthcheck') return []
  const before = history.replace(kind, at)
  if (before === undefined) return []
  return [
    {
      rule: 'MultipleInstructionsDisallowed',
      message: `this ${kind.toUpperCase()} has no effect: line ${at.startLine} replaces it`,
      at: before,
    },
  ]
}

/** JSONArgsRecommended: silent once SHELL is set, here or in the base image: somebody has thought about it. */
export function jsonArgs(instruction: Instruction, { Shell }: RunConfig): Finding[] {
  if ((instruction.kind !== 'cmd' && instruction.kind !== 'entrypoint') || instruction.command.form === 'exec' || (Shell ?? []).length > 0)
    return []
  const message = `${instruction.kind.toUpperCase()} in shell form: signals reach /bin/sh and not the program; write ["program", "argument"]`
  return [{ rule: 'JSONArgsRecommended', message, at: instruction.at }]
}
