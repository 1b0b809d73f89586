import type { Strategy } from './strategy.ts'

/** Each snapshot holds the changes of one layer; overlayfs stacks them (at most 500, its own limit). */
export const overlay: Strategy = {
  stacking: 'overlay',
  maxLowers: 500,
  lowersOf: (links) => links.map((link) => link.name).reverse(),
  async *missing(links, isThere) {
    for (const [index, { name, layer }] of links.entries()) {
      if (!(await isThere(name))) yield { name, diffID: layer.diffID, base: links.slice(0, index), layers: [layer] }
    }
  },
}
