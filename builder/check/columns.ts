import { type SymbolRange, symbolRanges } from '../dockerfile/symbols.ts'
import type { Finding } from './rule.ts'

/** Reading symbols takes more than linear time; who has more text than this can do without columns. */
const MAX_TEXT = 64 * 1024

/** Findings that name a symbol point at it instead of at the whole instruction, where it is found on a line of it. */
export async function withColumns(findings: readonly Finding[], text: string): Promise<Finding[]> {
  const file = findings.find(({ symbol, at }) => symbol !== undefined && at !== undefined)?.at?.file
  if (file === undefined || text.length > MAX_TEXT) return [...findings]
  const symbols = await symbolRanges(text, file)
  const lines = text.split('\n')
  return findings.map((finding) => {
    const { symbol, at } = finding
    if (symbol === undefined || at === undefined || at.startColumn !== undefined) return finding
    const found = symbols.find((one) => one.at.startLine >= at.startLine && one.at.endLine <= at.endLine && stands(symbol, one, lines))
    return found === undefined ? finding : { ...finding, at: found.at }
  })
}

/** Whether the symbol stands in the file as the finding has it: keywords may be in any case. */
function stands(name: string, { at }: SymbolRange, lines: readonly string[]): boolean {
  const text = lines[at.startLine - 1]?.slice((at.startColumn ?? 1) - 1, (at.endColumn ?? 1) - 1) ?? ''
  return (
    at.startLine === at.endLine &&
    (text === name || text === `$${name}` || (text.startsWith(`\${${name}`) && !/^\w/.test(text.slice(name.length + 2))))
  )
}
