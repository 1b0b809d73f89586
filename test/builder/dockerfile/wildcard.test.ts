import assert from 'node:assert/strict'
import { cleanPath } from '../../../builder/dockerfile/clean-path.ts'
import { hasWildcard, matchComponent, matchSource, readSourcePattern } from '../../../builder/dockerfile/wildcard.ts'

/** Whether `path` is what `source` takes, prefix and all. */
function takes(source: string, path: string): boolean {
  const pattern = readSourcePattern(source)
  assert.ok(pattern !== undefined)
  const below = pattern.prefix === '' ? path : path.slice(pattern.prefix.length + 1)
  return (pattern.prefix === '' || path.startsWith(`${pattern.prefix}/`)) && matchSource(pattern, below)
}

describe('readSourcePattern', () => {
  for (const [source, path, expected] of [
    ['*', 'a', true],
    ['*', '', true],
    ['*', '.a', true],
    ['*', 'a/b', false],
    ['**', 'a/b', false],
    ['**', 'ab', true],
    ['*.txt', 'a.txt', true],
    ['*.txt', 'a.txtx', false],
    ['a*', 'a', true],
    ['a*/b', 'a/b', true],
    ['a*/b', 'aXX/b', true],
    ['a*/b', 'a/c/b', false],
    ['a*b*c*d*e*/f', 'axbxcxdxe/f', true],
    ['a*b*c*d*e*/f', 'axbxcxdxe/xxx/f', false],
    ['a*b?c*x', 'abxbbxdbxebxczzx', true],
    ['a*b?c*x', 'abxbbxdbxebxczzy', false],
    ['?', 'é', true],
    ['?', '👽', true],
    ['a?b', 'a/b', false],
    ['ab[c]', 'abc', true],
    ['ab[b-d]', 'abc', true],
    ['ab[e-g]', 'abc', false],
    ['ab[^c]', 'abc', false],
    ['ab[^b-d]', 'abc', false],
    ['ab[^e-g]', 'abc', true],
    ['[!a]', 'a', true],
    ['[!a]', 'b', false],
    ['a\\*b*', 'a*bc', true],
    ['a\\*b*', 'axbc', false],
    ['[\\]a]', ']', true],
    ['[\\-]', '-', true],
    ['[x\\-]', '-', true],
    ['[\\-x]', 'a', false],
    ['[a-b-c]', 'a', undefined],
    ['[]a]', ']', undefined],
    ['[-]', '-', undefined],
    ['[x-]', 'x', undefined],
    ['[-x]', 'x', undefined],
    ['[', 'a', undefined],
    ['[^', 'a', undefined],
    ['[^bc', 'a', undefined],
    ['*[', 'a', undefined],
    ['*x\\', 'x', undefined],
    ['sub/*/dir2/foo', 'sub/dir1/dir2/foo', true],
    ['sub/*/dir2/foo', 'sub/dir1/x/foo', false],
  ] as const)
    it(`${source} ${expected === undefined ? 'is refused' : `${expected ? 'takes' : 'leaves'} ${path}`}`, () => {
      if (expected === undefined) assert.equal(readSourcePattern(source), undefined)
      else assert.equal(takes(source, path), expected)
    })

  for (const [source, prefix, wild] of [
    ['a/b', 'a/b', 0],
    ['a/b*/c', 'a', 2],
    ['*', '', 1],
    ['a\\*b', 'a*b', 0],
    ['a\\*b/c?', 'a*b', 1],
    ['.', '.', 0],
  ] as const)
    it(`goes to ${JSON.stringify(prefix)} for ${source}, with ${wild} components to match below`, () => {
      const pattern = readSourcePattern(source)
      assert.deepEqual([pattern?.prefix, pattern?.components.length], [prefix, wild])
    })

  it('says at each level whether to go on', () => {
    const pattern = readSourcePattern('a/b*/c?')
    assert.ok(pattern !== undefined)
    assert.deepEqual(
      [
        matchComponent(pattern, 0, 'bx'),
        matchComponent(pattern, 0, 'x'),
        matchComponent(pattern, 1, 'cx'),
        matchComponent(pattern, 2, 'cx'),
      ],
      ['descend', 'no', 'match', 'no'],
    )
  })

  it('takes no time over stars on a hostile name', () => {
    const pattern = readSourcePattern(`${'*a'.repeat(60)}b`)
    const start = performance.now()
    assert.ok(pattern !== undefined && !matchSource(pattern, 'a'.repeat(255)))
    assert.ok(performance.now() - start < 500)
  })
})

describe('hasWildcard', () => {
  for (const [path, expected] of [
    ['a/b', false],
    ['a*', true],
    ['a?', true],
    ['[a', true],
    ['a]', false],
    ['a\\*', false],
    ['a\\\\*', true],
    ['a\\', false],
  ] as const)
    it(`${path}: ${expected}`, () => assert.equal(hasWildcard(path), expected))
})

describe('cleanPath', () => {
  for (const [path, clean] of [
    ['', '.'],
    ['.', '.'],
    ['./a/', 'a'],
    ['a//b/./c', 'a/b/c'],
    ['a/../..', '..'],
    ['../../a', '../../a'],
    ['/../a', '/a'],
    ['/', '/'],
    ['//a', '/a'],
    ['a/b/../../c', 'c'],
    ['...', '...'],
  ] as const)
    it(`${JSON.stringify(path)} is ${clean}`, () => assert.equal(cleanPath(path), clean))
})
