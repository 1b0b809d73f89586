import assert from 'node:assert/strict'
import { firstFileChange } from '../../../builder/explain/file-changes.ts'

const HEX = { a: 'a'.repeat(64), b: 'b'.repeat(64) }
type Content = keyof typeof HEX
const line = (name: string, content: Content = 'a', mode = 0o644) =>
  JSON.stringify([name, 'file', mode, 0, 0, '', 0, 0, [], undefined, HEX[content]])
const list = (...lines: string[]) => [...lines, ''].join('\n')

describe('firstFileChange', () => {
  for (const [what, was, is, want] of [
    ['content', list(line('x')), list(line('x', 'b')), { name: 'x', was: `sha256:${HEX.a}`, is: `sha256:${HEX.b}` }],
    ['mode', list(line('x')), list(line('x', 'a', 0o755)), { name: 'x', was: 'mode 0644', is: 'mode 0755' }],
    ['a new file', list(line('x')), list(line('w', 'b'), line('x')), { name: 'w', is: `sha256:${HEX.b}` }],
    ['a file that is gone', list(line('w', 'b'), line('x')), list(line('x')), { name: 'w', was: `sha256:${HEX.b}` }],
    ['a new name', list(line('old')), list(line('new')), { name: 'new', was: 'name old', is: 'name new' }],
    [
      'a file of the second source',
      list(line('x')) + list(line('y')),
      list(line('x')) + list(line('y', 'b')),
      { name: 'y', was: `sha256:${HEX.a}`, is: `sha256:${HEX.b}` },
    ],
    [
      'several',
      list(line('x'), line('y'), line('z')),
      list(line('x', 'b'), line('y', 'b')),
      { name: 'x', was: `sha256:${HEX.a}`, is: `sha256:${HEX.b}`, more: 2 },
    ],
  ] as const)
    it(`names ${what}`, () => {
      const found = firstFileChange(was, is)
      assert.deepEqual(JSON.parse(JSON.stringify(found)), { part: 'file', ...want })
    })
  it('finds nothing in equal lists', () => assert.equal(firstFileChange(list(line('x')), list(line('x'))), undefined))
})
