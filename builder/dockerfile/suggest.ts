/**
 * The one of `known` that `word` was most likely meant to be, for "did you mean": at most a third of its letters wrong, at least one letter may be.
 * Letter case does not count. Undefined when nothing is near, or when it is the word itself.
 */
export function suggest(word: string, known: Iterable<string>): string | undefined {
  const wanted = word.toLowerCase()
  if (wanted.length > MAX_WORD) return undefined
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1
  let tried = 0
  for (const candidate of known) {
    if (++tried > MAX_TRIED) break
    if (candidate === word || Math.abs(candidate.length - wanted.length) >= bestDistance) continue
    const distance = editDistance(wanted, candidate.toLowerCase())
    // A single letter is near every other single letter: that is no suggestion.
    if (distance >= bestDistance || distance >= candidate.length) continue
    best = candidate
    bestDistance = distance
  }
  return best
}

/** `did you mean X?`, or undefined when nothing is near: ready to be the hint of an error. */
export function didYouMean(word: string, known: Iterable<string>): string | undefined {
  const found = suggest(word, known)
  return found === undefined ? undefined : `did you mean ${found}?`
}

/** Longer words are no typing mistakes, and the distance costs length squared. */
const MAX_WORD = 200
/** Whoever has more names than that to choose from gets no more help: a file may ask a hundred thousand times. */
const MAX_TRIED = 1000

/** Insertions, deletions, substitutions and swaps of neighbours that lead from `a` to `b`. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1)
      row.push(cost)
    }
    beforeLast = last
    last = row
  }
  return last[b.length] ?? 0
}
