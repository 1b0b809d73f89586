import type { RunConfig } from '../../registry/oci/config.ts'
import type { SourceRange } from '../../registry/oci/error.ts'
import { formatPlatform, type Platform, platformOf } from '../../registry/oci/platform.ts'
import type { BaseImage } from '../deps.ts'
import type { IgnoreMatcher } from '../dockerfile/ignore.ts'
import type { Instruction } from '../dockerfile/instruction.ts'
import type { Scope } from '../dockerfile/scope.ts'
import { canExecute } from '../plan/platforms.ts'
import type { Stage } from '../plan/stages.ts'
import type { Finding } from './rule.ts'
import { jsonArgs, multipleInstructions, StageHistory, workdirRelative } from './rules/stage.ts'
import { copyIgnored, exposedPorts, legacyKeyValue, secretsUsed, type Values } from './rules/values.ts'

/** Where a stage stands before an instruction. */
interface Standing {
  readonly config: RunConfig
  readonly scope: Scope
}

/** The rules that need values: they look on while stages are planned. What they find is in `found` at once, so that it is there when planning fails. */
export class PlanChecks {
  readonly #found: Finding[]
  readonly #ignore: IgnoreMatcher | undefined
  readonly #histories = new Map<number, StageHistory>()

  constructor(found: Finding[], ignore: IgnoreMatcher | undefined) {
    this.#found = found
    this.#ignore = ignore
  }

  /** To be called with each instruction of `stage`, and what stands before it. */
  ofStage({ index, base }: Stage): (instruction: Instruction, before: Standing) => void {
    const history = new StageHistory(base.kind === 'stage' ? this.#histories.get(base.index) : undefined)
    this.#histories.set(index, history)
    return (instruction, { config, scope }) => {
      const values = valuesAt(scope, instruction.at)
      this.#found.push(
        ...secretsUsed(instruction, values),
        ...legacyKeyValue(instruction),
        ...exposedPorts(instruction, values),
        ...workdirRelative(instruction, history, values.word),
        ...multipleInstructions(instruction, history),
        ...jsonArgs(instruction, config),
        ...(this.#ignore === undefined ? [] : copyIgnored(instruction, values, this.#ignore)),
      )
    }
  }

  /** InvalidBaseImagePlatform: an image that is for one platform only is taken for any. Silent where nobody named a platform and the machine runs it. */
  base({ from, platform }: Stage, { reference, config }: BaseImage, { wanted, machine }: Record<'wanted' | 'machine', Platform>): void {
    if (config.os === wanted.os && config.architecture === wanted.architecture) return
    const isImplicit = platform === undefined && formatPlatform(wanted) === formatPlatform(machine)
    if (isImplicit && canExecute(platformOf(config), machine)) return
    const message = `${reference} is for ${formatPlatform(platformOf(config))}, and ${formatPlatform(wanted)} was asked for`
    this.#found.push({ rule: 'InvalidBaseImagePlatform', message, at: from.at })
  }
}

function valuesAt(scope: Scope, at: SourceRange): Values {
  return { word: (text) => scope.expandWord(text, at), words: (text) => scope.expandWords(text, at) }
}
