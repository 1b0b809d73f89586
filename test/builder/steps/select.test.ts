import assert from 'node:assert/strict'
import { listFiles, type SelectOptions, select } from '../../../builder/steps/select.ts'
import { type Sketch, treeOf } from '../../../fixtures/trees.ts'

/** For each thing chosen its path and what is taken below it; in brackets the folders that are only passed through. */
async function chosen(sketch: Sketch, sources: string[], options: SelectOptions): Promise<string[]> {
  const selections = await select(treeOf(sketch), sources, options)
  return selections.map(({ entry, below, passed }) =>
    [`${entry.path}:`, ...below.map((inner) => (passed.has(inner) ? `(${inner.path})` : inner.path))].join(' '),
  )
}

const FILES: Sketch = { 'a/b/c': 'c', 'a/b/d.md': 'd', 'a/e.md': 'e', 'f.md': 'f', 'g.txt': 'g', l: '->a' }

describe('COPY --exclude', () => {
  const rows: [name: string, sources: string[], exclude: string[], want: string[]][] = [
    ['takes all without patterns', ['a'], [], ['a: a/b a/b/c a/b/d.md a/e.md']],
    ['matches below the directory', ['a'], ['*.md'], ['a: a/b a/b/c a/b/d.md']],
    ['crosses directories with **', ['a'], ['**/*.md'], ['a: a/b a/b/c']],
    ['never matches with the name of the directory', ['a'], ['a/e.md'], ['a: a/b a/b/c a/b/d.md a/e.md']],
    ['never matches the directory itself', ['a', '[a]'], ['a'], ['a: a/b a/b/c a/b/d.md a/e.md', 'a: a/b a/b/c a/b/d.md a/e.md']],
    ['takes a directory out with all in it', ['a'], ['b'], ['a: a/e.md']],
    ['reads a leading slash as the top', ['a'], ['/b'], ['a: a/e.md']],
    ['lets back in, through the directories above', ['a'], ['b', '!b/c'], ['a: (a/b) a/b/c a/e.md']],
    ['lets the last pattern decide', ['a'], ['!b/c', 'b'], ['a: a/e.md']],
    ['is about the whole context for .', ['.'], ['a/b', 'l'], [': a a/e.md f.md g.txt']],
    ['takes a named file out', ['f.md', 'g.txt'], ['*.md'], ['g.txt:']],
    ['takes a matched file out by its name alone', ['a/b/*'], ['d.md', 'a/b/c'], ['a/b/c:']],
    ['follows a named link first', ['l'], ['l', 'b'], ['a: a/e.md']],
  ]
  for (const [name, sources, exclude, want] of rows) it(name, async () => assert.deepEqual(await chosen(FILES, sources, { exclude }), want))

  it('still refuses what is not there', async () =>
    assert.rejects(chosen(FILES, ['no.md'], { exclude: ['*.md'] }), { code: 'COPY_SOURCE_MISSING' }))

  it('is in the content digest by what it leaves alone', async () => {
    const digest = async (sketch: Sketch, exclude: string[]) => {
      const tree = treeOf(sketch)
      return (await listFiles(tree, await select(tree, ['a'], { exclude }))).digest
    }
    const before = await digest(FILES, ['*.md'])
    assert.equal(await digest({ ...FILES, 'a/e.md': 'changed', 'a/new.md': 'n' }, ['*.md']), before)
    assert.equal(await digest({ 'a/b/c': 'c', 'a/b/d.md': 'd' }, []), before)
    assert.notEqual(await digest({ ...FILES, 'a/b/c': 'changed' }, ['*.md']), before)
    assert.notEqual(await digest(FILES, ['b', '!b/c']), await digest(FILES, ['b/d.md']))
  })
})

describe('COPY --parents', () => {
  const deep: Sketch = {
    't/a/b/c/d/foo': '',
    't/a/b/c/d/e/bay': '',
    't/a/b2/c/d/e/bar': '',
    't/a/b/c2/d/e2/baz': '',
    't/x': '',
    l: '->t/a',
    't/m': '->a',
  }
  const rows: [name: string, source: string, exclude: string[], want: string[]][] = [
    ['keeps the directories of a file', 't/x', [], [': (t) t/x']],
    [
      'keeps those of a directory, with all it holds',
      '/t/a/b2/c/d',
      [],
      [': (t) (t/a) (t/a/b2) (t/a/b2/c) t/a/b2/c/d t/a/b2/c/d/e t/a/b2/c/d/e/bar'],
    ],
    ['begins at the pivot', 't/a/b/./c/d/foo', [], ['t/a/b: (t/a/b/c) (t/a/b/c/d) t/a/b/c/d/foo']],
    ['takes the first pivot of two', 't/a/./b/./c2', [], ['t/a: (t/a/b) t/a/b/c2 t/a/b/c2/d t/a/b/c2/d/e2 t/a/b/c2/d/e2/baz']],
    ['takes no pivot at the end or the start', './t/x/.', [], [': (t) t/x']],
    ['matches wildcards below the pivot', 't/a/./*/c2', [], ['t/a: (t/a/b) t/a/b/c2 t/a/b/c2/d t/a/b/c2/d/e2 t/a/b/c2/d/e2/baz']],
    [
      'crosses directories with **, and has a top for each match before the pivot',
      't/a/b*/./c/**/e',
      [],
      ['t/a/b: (t/a/b/c) (t/a/b/c/d) t/a/b/c/d/e t/a/b/c/d/e/bay', 't/a/b2: (t/a/b2/c) (t/a/b2/c/d) t/a/b2/c/d/e t/a/b2/c/d/e/bar'],
    ],
    ['has its top alone for a wildcard without a match', 't/a/./no*', [], ['t/a:']],
    ['chooses nothing when no top matches', 'no*/./x*', [], []],
    ['follows links before the pivot', 'l/./b2/c', [], ['t/a: (t/a/b2) t/a/b2/c t/a/b2/c/d t/a/b2/c/d/e t/a/b2/c/d/e/bar']],
    ['takes a link as it is', 'l', [], [': l']],
    ['takes everything for .', '.', ['t/a', 'l'], [': t t/m t/x']],
    ['stays below the root', '../../t/x', [], [': (t) t/x']],
    ['leaves out by --exclude below the pivot', 't/./*', ['a', 'm'], ['t: t/x']],
    ['may have all of it excluded', 't/x', ['t'], [':']],
  ]
  for (const [name, source, exclude, want] of rows)
    it(name, async () => assert.deepEqual(await chosen(deep, [source], { parents: true, exclude }), want))

  for (const [source, hint] of [
    ['t/no', 'paths of COPY begin at the build context'],
    ['t/no/./x', 'paths of COPY begin at the build context'],
    ['t/x/./y', 'paths of COPY begin at the build context'],
    ['t/x/./', 'paths of COPY begin at the build context'],
    ['t/m/b2', 'name what it leads to: t/a/b2'],
  ] as const)
    it(`refuses ${source}`, async () => assert.rejects(chosen(deep, [source], { parents: true }), { code: 'COPY_SOURCE_MISSING', hint }))
  it('refuses a bad pattern', async () => assert.rejects(chosen(deep, ['t/./[x'], { parents: true }), { code: 'COPY_PATTERN' }))
})
