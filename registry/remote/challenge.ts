/** One challenge of a WWW-Authenticate header; names in lower case. RFC 9110, 11.6.1. */
export interface Challenge {
  readonly scheme: string
  readonly params: Readonly<Record<string, string>>
}

const MAX_HEADER_LENGTH = 16 << 10
const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/
const QUOTED = /"(?:[^"\\]|\\[\s\S])*"/
const TOKEN68 = /[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/
const SPACE = /[ \t]*/
const SEPARATOR = /[ \t,]*/

/** All challenges of one or several headers, in order: several may share a header, and commas may be inside quotes. What cannot be read ends the list. */
export function parseChallenges(header: string | string[] | undefined): Challenge[] {
  const lines = header === undefined ? [] : Array.isArray(header) ? header : [header]
  return lines.filter((line) => line.length <= MAX_HEADER_LENGTH).flatMap(parseLine)
}

function parseLine(line: string): Challenge[] {
  const text = new Cursor(line)
  const challenges: Challenge[] = []
  for (;;) {
    text.take(SEPARATOR)
    const scheme = text.take(TOKEN)
    if (scheme === undefined) return challenges
    challenges.push({ scheme: scheme.toLowerCase(), params: parseParams(text) })
  }
}

function parseParams(text: Cursor): Record<string, string> {
  // No prototype: a parameter may be called __proto__.
  const params: Record<string, string> = Object.create(null)
  text.take(SPACE)
  text.take(TOKEN68) // `Negotiate abc==`: one opaque value, which no scheme of ours uses.
  for (;;) {
    const before = text.at
    text.take(SEPARATOR)
    const name = text.take(TOKEN)
    text.take(SPACE)
    if (name === undefined || !text.skip('=')) {
      text.at = before
      return params
    }
    text.take(SPACE)
    const quoted = text.take(QUOTED)
    const value = quoted === undefined ? text.take(TOKEN) : quoted.slice(1, -1).replace(/\\([\s\S])/g, '$1')
    if (value === undefined) return params
    params[name.toLowerCase()] ??= value
  }
}

class Cursor {
  at = 0
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  take(pattern: RegExp): string | undefined {
    const sticky = new RegExp(pattern.source, 'y')
    sticky.lastIndex = this.at
    const found = sticky.exec(this.#text)?.[0]
    this.at += found?.length ?? 0
    return found
  }

  skip(char: string): boolean {
    if (this.#text[this.at] !== char) return false
    this.at += 1
    return true
  }
}
