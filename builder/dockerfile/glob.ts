/**
 * File patterns in the syntax of Go's `filepath.Match` (`*`, `?`, `[a-z]`, `[^a]`, `\x`), and `**` where asked for. Run with all states at once: the
 * time is the pattern's length times the path's, whatever is in them.
 */
export interface Glob {
  readonly tokens: readonly Token[]
  /** Plain text that every match begins and ends with: most paths fail there already. */
  readonly prefix: string
  readonly suffix: string
}

type Token =
  | { readonly kind: 'character'; readonly code: number }
  | { readonly kind: 'any' }
  | { readonly kind: 'class'; readonly negated: boolean; readonly ranges: readonly (readonly [number, number])[] }
  /** `*`: characters but `/`. */
  | { readonly kind: 'star' }
  /** `**`, before anything: nothing, or text up to some `/`. */
  | { readonly kind: 'directories' }
  /** `**` at the end: whatever is left. */
  | { readonly kind: 'rest' }

export interface GlobOptions {
  /** `**` crosses directories (.dockerignore); else it is two stars. */
  readonly doubleStar?: boolean
}

/** Undefined for a bad pattern: an open or empty bracket, a range without end, an escape at the end. */
export function readGlob(pattern: string, { doubleStar = false }: GlobOptions = {}): Glob | undefined {
  const characters = Array.from(pattern)
  const tokens: Token[] = []
  for (let at = 0; at < characters.length; ) {
    const character = characters[at++]
    if (character === '*' && doubleStar && characters[at] === '*') {
      at += characters[at + 1] === '/' ? 2 : 1
      tokens.push({ kind: at >= characters.length ? 'rest' : 'directories' })
    } else if (character === '*') tokens.push({ kind: 'star' })
    else if (character === '?') tokens.push({ kind: 'any' })
    else if (character === '[') {
      const found = readClass(characters, at)
      if (found === undefined) return undefined
      tokens.push(found.token)
      at = found.end
    } else {
      const literal = character === '\\' ? characters[at++] : character
      if (literal === undefined) return undefined
      tokens.push({ kind: 'character', code: codeOf(literal) })
    }
  }
  return {
    tokens,
    prefix: plainStart(tokens),
    suffix: Array.from(plainStart([...tokens].reverse()))
      .reverse()
      .join(''),
  }
}

/** After `[`, to and with `]`. */
function readClass(characters: readonly string[], from: number): { token: Token; end: number } | undefined {
  const ranges: [number, number][] = []
  const negated = characters[from] === '^'
  let at = negated ? from + 1 : from
  const take = (): number | undefined => {
    if (characters[at] === '-' || characters[at] === ']') return undefined
    if (characters[at] === '\\') at++
    const character = characters[at++]
    return character === undefined ? undefined : codeOf(character)
  }
  while (characters[at] !== ']' || ranges.length === 0) {
    const low = take()
    const isRange = characters[at] === '-'
    if (isRange) at++
    const high = isRange ? take() : low
    if (low === undefined || high === undefined || at >= characters.length) return undefined
    ranges.push([low, high])
  }
  return { token: { kind: 'class', negated, ranges }, end: at + 1 }
}

function codeOf(character: string): number {
  return character.codePointAt(0) ?? 0
}

function plainStart(tokens: readonly Token[]): string {
  const codes: number[] = []
  for (const token of tokens) {
    if (token.kind !== 'character') break
    codes.push(token.code)
  }
  return codes.map((code) => String.fromCodePoint(code)).join('')
}

/** True when `glob` matches the whole of `text`. */
export function matchGlob(glob: Glob, text: string): boolean {
  return text.startsWith(glob.prefix) && text.endsWith(glob.suffix) && run(glob, text)?.[glob.tokens.length] === 1
}

/** True when `text` could be the beginning of a match. */
export function mayMatchFurther(glob: Glob, text: string): boolean {
  return run(glob, text)?.subarray(0, glob.tokens.length).includes(1) ?? false
}

const SLASH = 47

/** The states after all of `text`; undefined when none is left. State n: the first n tokens are matched. */
function run({ tokens }: Glob, text: string): Uint8Array | undefined {
  let states = new Uint8Array(tokens.length + 1)
  let next = new Uint8Array(tokens.length + 1)
  enter(tokens, states, 0)
  for (let at = 0; at < text.length; ) {
    const code = text.codePointAt(at) ?? 0
    at += code > 0xffff ? 2 : 1
    next.fill(0)
    if (!step(tokens, { states, next, code })) return undefined
    ;[states, next] = [next, states]
  }
  return states
}

/** Fills `next`; false when nothing goes on. */
function step(tokens: readonly Token[], { states, next, code }: { states: Uint8Array; next: Uint8Array; code: number }): boolean {
  let alive = false
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]
    if (states[i] === 0 || token === undefined) continue
    if (token.kind === 'directories') {
      next[i] = 1
      if (code === SLASH) enter(tokens, next, i + 1)
    } else if (token.kind === 'rest' || (token.kind === 'star' && code !== SLASH)) enter(tokens, next, i)
    else if (accepts(token, code)) enter(tokens, next, i + 1)
    else continue
    alive = true
  }
  return alive
}

/** State `from`, and those behind it for tokens that may match nothing. */
function enter(tokens: readonly Token[], states: Uint8Array, from: number): void {
  for (let i = from; ; i++) {
    states[i] = 1
    const kind = tokens[i]?.kind
    if (kind !== 'star' && kind !== 'directories' && kind !== 'rest') return
  }
}

function accepts(token: Token, code: number): boolean {
  if (token.kind === 'character') return token.code === code
  if (code === SLASH) return false
  if (token.kind === 'class') return token.ranges.some(([low, high]) => low <= code && code <= high) !== token.negated
  return token.kind === 'any'
}
