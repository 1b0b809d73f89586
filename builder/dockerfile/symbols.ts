import type { SourceRange } from '../../registry/oci/error.ts'

/** What a stretch of the file is, for editors and for checks that point below an instruction. */
export interface SymbolRange {
  readonly kind: 'directive' | 'keyword' | 'flag' | 'image' | 'stage' | 'variable'
  /** The name, without punctuation: `escape`, `RUN`, `mount`, `debian:12`, `build`, `PATH`. */
  readonly name: string
  readonly at: SourceRange
}

/** Positions of the language server protocol, from 0. */
interface LspRange {
  readonly start: { readonly line: number; readonly character: number }
  readonly end: { readonly line: number; readonly character: number }
}

/**
 * Where keywords, flags, images, stage names and variables stand, in the order of the instructions. The only user of dockerfile-ast, which is loaded at
 * the first call: it never raises errors and misreads some heredocs, so it takes no part in a build (docs/decisions).
 */
export async function symbolRanges(text: string, file: string): Promise<SymbolRange[]> {
  const { DockerfileParser, From, ModifiableInstruction } = await import('dockerfile-ast')
  const symbols: SymbolRange[] = []
  const add = (kind: SymbolRange['kind'], name: string | null, range: LspRange | null) => {
    if (name !== null && range !== null) symbols.push({ kind, name, at: rangeIn(file, range) })
  }
  const dockerfile = DockerfileParser.parse(text)
  for (const directive of dockerfile.getDirectives()) add('directive', directive.getName(), directive.getNameRange())
  for (const instruction of dockerfile.getInstructions()) {
    add('keyword', instruction.getKeyword(), instruction.getInstructionRange())
    if (instruction instanceof ModifiableInstruction)
      for (const flag of instruction.getFlags()) add('flag', flag.getName(), flag.getRange())
    if (instruction instanceof From) {
      add('image', instruction.getImage(), instruction.getImageRange())
      add('stage', instruction.getBuildStage(), instruction.getBuildStageRange())
    }
    for (const variable of instruction.getVariables()) add('variable', variable.getName(), variable.getRange())
  }
  return symbols
}

/** An instruction as dockerfile-ast sees it. */
export interface OtherReading {
  readonly keyword: string
  readonly startLine: number
  readonly endLine: number
  /** Words after the flags, as written. */
  readonly words: readonly string[]
}

/** What dockerfile-ast makes of a file: the second opinion of the parser's tests. */
export async function otherReading(text: string): Promise<OtherReading[]> {
  const { DockerfileParser } = await import('dockerfile-ast')
  return DockerfileParser.parse(text)
    .getInstructions()
    .map((instruction) => {
      const { start, end } = instruction.getRange()
      const words = instruction.getArguments().map((argument) => argument.getValue())
      return { keyword: instruction.getKeyword(), startLine: start.line + 1, endLine: end.line + 1, words }
    })
}

function rangeIn(file: string, { start, end }: LspRange): SourceRange {
  return { file, startLine: start.line + 1, endLine: end.line + 1, startColumn: start.character + 1, endColumn: end.character + 1 }
}
