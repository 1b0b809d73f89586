import type { Strategy } from './strategy.ts'

/** Each snapshot is a whole tree, so only the states that a step starts from are kept: the layers above the nearest one are unpacked together. */
export const copy: Strategy = {
  stacking: 'copy',
  maxLowers: Number.POSITIVE_INFINITY,
  lowersOf: (links) => links.slice(-1).map((link) => link.name),
  async *missing(links, isThere) {
    const top = links.at(-1)
    if (top === undefined) return
    let there = links.length
    for (const link of [...links].reverse()) {
      if (await isThere(link.name)) break
      there -= 1
    }
    if (there === links.length) return
    yield { name: top.name, diffID: top.layer.diffID, base: links.slice(0, there), layers: links.slice(there).map((link) => link.layer) }
  },
}
