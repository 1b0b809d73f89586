import type { FromInstruction, Instruction, ParsedDockerfile } from '../../dockerfile/instruction.ts'
import { splitBlanks } from '../../dockerfile/words.ts'
import type { Finding } from '../rule.ts'

/** StageNameCasing: a name with upper-case letters is found by COPY --from and --target, but not by FROM. */
export function stageNameCasing({ instructions }: ParsedDockerfile): Finding[] {
  return instructions.flatMap((from) => {
    const name = from.kind === 'from' ? asClause(from)?.name : undefined
    if (name === undefined || name === name.toLowerCase()) return []
    return [{ rule: 'StageNameCasing', message: `stage name ${JSON.stringify(name)} should be in lower case`, at: from.at, symbol: name }]
  })
}

/** FromAsCasing: silent where FROM itself is in mixed case, which is ConsistentInstructionCasing's business. */
export function fromAsCasing({ instructions }: ParsedDockerfile): Finding[] {
  return instructions.flatMap((from) => {
    const as = from.kind === 'from' ? asClause(from)?.keyword : undefined
    const keyword = keywordOf(from)
    if (as === undefined || casingOf(keyword) === 'mixed' || casingOf(as) === casingOf(keyword)) return []
    return [{ rule: 'FromAsCasing', message: `${as} is not in the same case as ${keyword}`, at: from.at }]
  })
}

/**
 * ConsistentInstructionCasing: the case of the majority is right, upper case when there is none. Mixed case is always wrong and has no vote. ARGs before
 * the first FROM are not looked at, as in BuildKit.
 */
export function consistentInstructionCasing({ instructions }: ParsedDockerfile): Finding[] {
  const first = instructions.findIndex(({ kind }) => kind === 'from')
  const counted = first < 0 ? [] : instructions.slice(first)
  const votes = { lower: 0, upper: 0, mixed: 0 }
  for (const instruction of counted) votes[casingOf(keywordOf(instruction))]++
  const right = votes.lower > votes.upper ? 'lower' : 'upper'
  return counted.flatMap((instruction) => {
    const keyword = keywordOf(instruction)
    if (casingOf(keyword) === right) return []
    return [
      {
        rule: 'ConsistentInstructionCasing',
        message: `${keyword} should be in ${right} case as most instructions`,
        at: instruction.at,
        symbol: keyword,
      },
    ]
  })
}

function casingOf(word: string): 'lower' | 'upper' | 'mixed' {
  if (word === word.toUpperCase()) return 'upper'
  return word === word.toLowerCase() ? 'lower' : 'mixed'
}

/** As written. */
export function keywordOf({ source }: Pick<Instruction, 'source'>): string {
  return splitBlanks(source.slice(0, KEYWORD_END), 0)[0]?.text ?? ''
}

/** No keyword reaches that far, and a source may be long. */
const KEYWORD_END = 20

/** `AS name` as written, undefined for a stage without a name. */
function asClause({ source, stageName }: FromInstruction): { keyword: string; name: string } | undefined {
  const [keyword, name] = stageName === undefined ? [] : splitBlanks(source, 0).slice(-2)
  return keyword === undefined || name === undefined ? undefined : { keyword: keyword.text, name: name.text }
}
