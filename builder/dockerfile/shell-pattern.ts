/**
 * Patterns of `${v#p}` and its kin: `*` any run of characters, `?` any one, `\` takes the next as it is; no brackets. Matched by running all states
 * at once, so that no pattern can take more than its length times the value's.
 */
export interface ShellPattern {
  /** Code points, or ANY or STAR. */
  readonly tokens: readonly number[]
}

const ANY = -1
const STAR = -2
/** Pattern length times value length above which nothing is tried; real ones are far below. */
const MAX_WORK = 50_000_000

export function readShellPattern(text: string): ShellPattern {
  const tokens: number[] = []
  const characters = Array.from(text)
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? ''
    if (character === '*') {
      if (tokens.at(-1) !== STAR) tokens.push(STAR)
    } else if (character === '?') tokens.push(ANY)
    else if (character === '\\' && at + 1 < characters.length) tokens.push(codeOf(characters[++at]))
    else tokens.push(codeOf(character))
  }
  return { tokens }
}

/** `value` without its shortest or longest beginning that matches. Undefined when the work would be too much. */
export function trimPrefix(pattern: ShellPattern, value: string, longest: boolean): string | undefined {
  const characters = Array.from(value)
  if (tooMuch(pattern, characters)) return undefined
  const end = endOfMatch(pattern.tokens, characters, 0, longest)
  return end === undefined ? value : characters.slice(end).join('')
}

/** `value` without its shortest or longest end that matches: the same, read backwards. */
export function trimSuffix(pattern: ShellPattern, value: string, longest: boolean): string | undefined {
  const characters = Array.from(value).reverse()
  if (tooMuch(pattern, characters)) return undefined
  const end = endOfMatch([...pattern.tokens].reverse(), characters, 0, longest)
  return end === undefined ? value : characters.slice(end).reverse().join('')
}

/** The pieces of `value` around its first match, or around all of them, each taken leftmost and longest. */
export function splitMatches(pattern: ShellPattern, value: string, all: boolean): string[] | undefined {
  const characters = Array.from(value)
  if (pattern.tokens.length === 0) return all ? [value] : ['', value]
  if (tooMuch(pattern, characters)) return undefined
  const starts = startsOfMatches(pattern.tokens, characters)
  const pieces: string[] = []
  let from = 0
  for (let at = 0; at < characters.length || (at === 0 && starts[0]); at++) {
    const end = starts[at] ? endOfMatch(pattern.tokens, characters, at, true) : undefined
    if (end === undefined) continue
    pieces.push(characters.slice(from, at).join(''))
    from = end
    if (!all || end >= characters.length) break
    at = Math.max(at, end - 1)
  }
  return [...pieces, characters.slice(from).join('')]
}

function codeOf(character: string | undefined): number {
  return character?.codePointAt(0) ?? 0
}

function tooMuch({ tokens }: ShellPattern, characters: readonly string[]): boolean {
  return tokens.length * characters.length > MAX_WORK
}

/** End of the shortest or longest match that begins at `from`. */
function endOfMatch(tokens: readonly number[], characters: readonly string[], from: number, longest: boolean): number | undefined {
  let states = reach(tokens, new Uint8Array(tokens.length + 1).fill(1, 0, 1))
  let end: number | undefined
  for (let at = from; ; at++) {
    if (states[tokens.length]) {
      end = at
      if (!longest) return end
    }
    if (at >= characters.length || !states.includes(1)) return end
    states = step(tokens, states, codeOf(characters[at]))
  }
}

/** `starts[i]` is 1 where some match begins: the pattern run backwards, begun anew at each character. */
function startsOfMatches(tokens: readonly number[], characters: readonly string[]): Uint8Array {
  const backwards = [...tokens].reverse()
  const starts = new Uint8Array(characters.length + 1)
  let states = reach(backwards, new Uint8Array(tokens.length + 1).fill(1, 0, 1))
  for (let at = characters.length; ; at--) {
    starts[at] = states[tokens.length] ?? 0
    if (at === 0) return starts
    states = step(backwards, states, codeOf(characters[at - 1]))
    states[0] = 1
    reach(backwards, states)
  }
}

function step(tokens: readonly number[], states: Uint8Array, code: number): Uint8Array {
  const next = new Uint8Array(states.length)
  for (let i = 0; i < tokens.length; i++) {
    if (!states[i]) continue
    if (tokens[i] === STAR) next[i] = 1
    else if (tokens[i] === ANY || tokens[i] === code) next[i + 1] = 1
  }
  return reach(tokens, next)
}

/** A star may match nothing. */
function reach(tokens: readonly number[], states: Uint8Array): Uint8Array {
  for (let i = 0; i < tokens.length; i++) if (states[i] && tokens[i] === STAR) states[i + 1] = 1
  return states
}
