import { TsbuildError } from '../../registry/oci/error.ts'
import type { Instruction, ParsedDockerfile } from '../dockerfile/instruction.ts'
import { type CheckOptions, instructionOptions, type RuleSet } from './options.ts'
import { type Finding, type RuleName, ruleOf } from './rule.ts'

/** Findings as people see them: those that options and comments let through, each once, by line; what stands in no file comes last. */
export function reportOf(parsed: ParsedDockerfile, found: readonly Finding[], options: CheckOptions): Finding[] {
  const comments = new Comments(parsed.instructions)
  const all = [...options.problems, ...comments.problems, ...found]
  const kept = all.filter(({ rule, at }) => isWanted(rule, [options, ...(at === undefined ? [] : comments.of(at.startLine))]))
  const unique = new Map(
    kept.map(shortened).map((finding) => [JSON.stringify([finding.rule, finding.message, finding.at?.startLine]), finding]),
  )
  return [...unique.values()].sort((a, b) => lineOf(a) - lineOf(b))
}

/** CHECK_FAILED when `error=true` and a rule that BuildKit knows has fired. */
export function failureOf(report: readonly Finding[], { error }: CheckOptions): TsbuildError | undefined {
  const rules = new Set(report.map(({ rule }) => rule).filter((rule) => !ruleOf(rule).own))
  if (!error || rules.size === 0) return undefined
  return new TsbuildError('CHECK_FAILED', `lint violation found for rules: ${[...rules].sort().join(', ')}`, {
    hint: 'error=true makes warnings errors: mend them, or leave rules out with # check=skip=',
  })
}

function isWanted(rule: RuleName, options: readonly CheckOptions[]): boolean {
  const { experimental } = ruleOf(rule)
  return experimental ? options.some((one) => has(one.experimental, rule)) : !options.some((one) => has(one.skip, rule))
}

function has(set: RuleSet, rule: string): boolean {
  return set === 'all' || set.has(rule)
}

/** A message holds values, and those may be a megabyte long. */
const MAX_MESSAGE = 500

function shortened(finding: Finding): Finding {
  const { message } = finding
  return message.length <= MAX_MESSAGE ? finding : { ...finding, message: `${message.slice(0, MAX_MESSAGE)}...` }
}

function lineOf({ at }: Finding): number {
  return at?.startLine ?? Number.POSITIVE_INFINITY
}

/** The `# check=` comments above instructions, by line. */
class Comments {
  readonly problems: readonly Finding[]
  /** Ascending. */
  readonly #ranges: readonly { readonly start: number; readonly end: number; readonly options: CheckOptions }[]

  constructor(instructions: readonly Instruction[]) {
    this.#ranges = instructions.flatMap((instruction) => {
      const options = instructionOptions(instruction)
      return options === undefined ? [] : [{ start: instruction.at.startLine, end: instruction.at.endLine, options }]
    })
    this.problems = this.#ranges.flatMap(({ options }) => options.problems)
  }

  of(line: number): CheckOptions[] {
    let low = 0
    for (let high = this.#ranges.length; low < high; ) {
      const middle = (low + high) >> 1
      if ((this.#ranges[middle]?.end ?? 0) < line) low = middle + 1
      else high = middle
    }
    const found = this.#ranges[low]
    return found !== undefined && found.start <= line ? [found.options] : []
  }
}
