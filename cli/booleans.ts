const WORDS: ReadonlyMap<string, boolean> = new Map(
  ['1', 't', 'true', '0', 'f', 'false'].map((word) => [word, word === '1' || word.startsWith('t')] as const),
)

/** True or false in the spellings of Docker's flags (1, t, true, 0, f, false, in any case); undefined for anything else. */
export function parseBoolean(text: string): boolean | undefined {
  return WORDS.get(text.toLowerCase())
}
