import { isSpace } from './characters.ts'

/** Where expanded text goes. `plain` came from outside quotes, `fixed` from quotes or after an escape. */
export interface Sink {
  plain(text: string): void
  fixed(text: string): void
}

/**
 * A longer value could not be an environment variable (Linux: 128 KiB), and `ENV a=$a$a` doubles with each line.
 */
export const MAX_EXPANSION = 1024 * 1024

/** Collects one string; `tooLong` is called, to throw, before more than MAX_EXPANSION characters are kept. */
export function textSink(tooLong: () => never): Sink & { text(): string } {
  const parts: string[] = []
  let length = 0
  const add = (text: string) => {
    length += text.length
    if (length > MAX_EXPANSION) tooLong()
    parts.push(text)
  }
  return { plain: add, fixed: add, text: () => parts.join('') }
}

/** Collects words: white space in plain text ends one. A word that is empty in the end is none. */
export function wordsSink(tooLong: () => never): Sink & { words(): string[] } {
  const words: string[] = []
  let current = textSink(tooLong)
  let length = 0
  const end = () => {
    const word = current.text()
    if (word !== '') words.push(word)
    current = textSink(tooLong)
  }
  const plain = (text: string) => {
    length += text.length
    if (length > MAX_EXPANSION) tooLong()
    let from = 0
    for (let at = 0; at < text.length; at++) {
      if (!isSpace(text[at])) continue
      current.plain(text.slice(from, at))
      end()
      from = at + 1
    }
    current.plain(text.slice(from))
  }
  return {
    plain,
    fixed: (text) => current.fixed(text),
    words: () => {
      end()
      return words
    },
  }
}
