import assert from 'node:assert/strict'
import fc from 'fast-check'
import { readIgnore } from '../../../builder/dockerfile/ignore.ts'
import { TsbuildError } from '../../../registry/oci/error.ts'

/** Rules, then paths that are ignored, then paths that are not. */
const cases: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['', [], ['a', 'a/b', '']],
  ['foo', ['foo', 'foo/a', 'foo/a/b'], ['a/foo', 'foobar', 'Foo']],
  ['/foo', ['foo', 'foo/a'], ['a/foo']],
  ['foo/', ['foo', 'foo/a'], ['a/foo']],
  ['./foo//bar/../baz', ['foo/baz', 'foo/baz/x'], ['foo/bar', 'foo']],
  ['  foo  ', ['foo'], ['foo ']],
  ['foo bar', ['foo bar'], ['foo', 'bar']],
  ['../foo', [], ['foo', '../bar']],
  ['.', [], ['a', '.git']],
  ['/', [], ['a']],
  ['*', ['a', '.a', 'a/b', 'a/b/c'], ['']],
  ['*.log', ['a.log', '.log', 'a.log/b'], ['b/a.log', 'a.logs']],
  ['*/x', ['a/x', 'a/x/b'], ['x', 'a/b/x']],
  ['a/*', ['a/b', 'a/b/c'], ['a', 'b/a/c']],
  ['a*', ['a', 'ab', 'a/b'], ['b/a']],
  ['a?c', ['abc', 'aéc', 'a👽c'], ['ac', 'abbc', 'a/c']],
  ['**', ['a', 'a/b', '.a'], ['']],
  ['**/foo', ['foo', 'a/foo', 'a/b/foo', 'a/foo/b'], ['afoo', 'a/bfoo', 'foob']],
  ['**foo', ['foo', 'a/foo', 'afoo', 'a/bfoo'], ['foob']],
  ['**/foo*', ['foo', 'foob', 'a/foob'], ['afoo']],
  ['**a*', ['a', 'ab', 'x/ab'], ['xa', 'x/ya']],
  ['foo/**', ['foo/a', 'foo/a/b'], ['foo', 'a/foo/b']],
  ['foo**', ['foo', 'foob', 'foo/a', 'foob/c'], ['a/foo']],
  ['**/foo/**', ['foo/a', 'a/foo/b'], ['foo', 'a/foo']],
  ['a/**/b', ['a/b', 'a/x/b', 'a/x/y/b', 'a/b/c'], ['a', 'ab', 'a/xb', 'x/a/b']],
  ['a**b', ['ab', 'a/b', 'a/x/b', 'ax/b'], ['axb', 'a/xb']],
  ['a**/b', ['ab', 'a/b', 'ax/y/b'], ['a/xb']],
  ['**/*.go', ['a.go', 'a/b.go', 'a/b/c.go'], ['a.gox', 'ago']],
  ['**/[a-c]/x', ['a/x', 'q/b/x'], ['d/x', 'x']],
  ['[a-c]x', ['ax', 'cx'], ['dx', '/x', 'x']],
  ['[^a-c]x', ['dx', 'éx'], ['ax', 'd/x']],
  ['[a\\]]x', [']x', 'ax'], ['\\x']],
  ['\\*', ['*'], ['a', '\\*']],
  ['\\!a', ['!a'], ['a']],
  ['\\#a', ['#a'], ['a']],
  ['# a\na', ['a'], ['# a']],
  [' # a', ['# a'], ['a']],
  ['a+b', ['a+b'], ['aab', 'ab']],
  ['app/(auth)', ['app/(auth)/x'], ['app/auth/x']],
  ['app/(auth)/*', ['app/(auth)/x'], ['app/auth/x']],
  ['c++', ['c++'], ['c']],
  ['a|b*', ['a|bc'], ['a', 'bc']],
  ['^a*', ['^ab'], ['ab']],
  ['a.b*', ['a.b'], ['axb']],
  ['a$*', ['a$b'], ['a']],
  ['{a,b}*', ['{a,b}'], ['a', 'b']],
  ['a\n!a', [], ['a', 'a/b']],
  ['!a\na', ['a'], []],
  ['a\n!a/b', ['a', 'a/c', 'a/bc'], ['a/b', 'a/b/c']],
  ['*\n!a', ['b', 'b/a'], ['a', 'a/b']],
  ['*\n! a ', ['b'], ['a']],
  ['**\n!a/b/c\na/b/c/d', ['a', 'a/b', 'a/b/c/d', 'a/b/c/d/e'], ['a/b/c', 'a/b/c/x']],
  ['a\n!a/*.md\na/README.md', ['a/x', 'a/README.md'], ['a/b.md']],
  ['*.md\n!README*.md\nREADME-secret.md', ['a.md', 'README-secret.md'], ['README.md', 'README-1.md']],
  ['node_modules\n!node_modules/keep', ['node_modules/x'], ['node_modules/keep/x']],
  ['\ufeffa\r\nb\r\n', ['a', 'b'], ['a\r']],
]

describe('readIgnore', () => {
  for (const [rules, ignored, kept] of cases)
    it(`${JSON.stringify(rules)} ignores ${ignored.join(', ') || 'nothing'}`, () => {
      const matcher = readIgnore(rules, '.dockerignore')
      assert.deepEqual(
        [...ignored, ...kept].map((path) => `${path}: ${matcher.matches(path).ignored}`),
        [...ignored.map((path) => `${path}: true`), ...kept.map((path) => `${path}: false`)],
      )
    })

  for (const [rules, line, message] of [
    ['a\n!', 2, 'illegal exclusion pattern: "!"'],
    ['!  ', 1, 'illegal exclusion pattern: "!"'],
    ['a[]b', 1, 'syntax error in pattern: "a[]b"'],
    ['a[', 1, 'syntax error in pattern: "a["'],
    ['\n![a-]', 2, 'syntax error in pattern: "![a-]"'],
    ['[-a]', 1, 'syntax error in pattern: "[-a]"'],
    ['[a', 1, 'syntax error in pattern: "[a"'],
    ['a\\', 1, 'syntax error in pattern: "a\\\\"'],
  ] as const)
    it(`refuses ${JSON.stringify(rules)} at line ${line}`, () =>
      assert.throws(() => readIgnore(rules, 'f'), {
        code: 'DOCKERIGNORE_SYNTAX',
        message,
        at: { file: 'f', startLine: line, endLine: line },
      }))

  it('names the rule that decided', () => {
    const matcher = readIgnore('# first\n*.md\n !README.md\n', 'f')
    assert.deepEqual(matcher.matches('a.md'), { ignored: true, rule: { line: 2, text: '*.md' } })
    assert.deepEqual(matcher.matches('README.md'), { ignored: false, rule: { line: 3, text: '!README.md' } })
    assert.deepEqual(matcher.matches('x'), { ignored: false })
    assert.deepEqual(matcher.rules, [
      { line: 2, text: '*.md' },
      { line: 3, text: '!README.md' },
    ])
  })

  for (const [rules, path, prune] of [
    ['a', 'a', true],
    ['a', 'b', false],
    ['a\n!a/b', 'a', false],
    ['a\n!a/b', 'a/c', true],
    ['a\n!a/b/c', 'a/b', false],
    ['a\n!a/b/c', 'a/b/d', true],
    ['a\n!ab/c', 'a', true],
    ['*\n!src', 'node_modules', true],
    ['*\n!src/**', 'node_modules', true],
    ['*\n!src/**', 'src', false],
    ['*\n!*/x', 'a', false],
    ['*\n!*/x', 'a/b', true],
    ['*\n!**/x', 'a/b', false],
    ['*\n!a/**/x', 'b', true],
    ['*\n!a/**/x', 'a/c', false],
    ['*\n!a[bc]/x', 'ad', true],
    ['*\n!a[bc]/x', 'ab', false],
    ['a\n!b', 'a', true],
    ['!a/b\na', 'a', true],
    ['*\n!src/**\nsrc/a', 'src/a', true],
    ['src\n!src/**', 'src', false],
    ['src\n!s**', 'src/a', false],
  ] as const)
    it(`${JSON.stringify(rules)}: ${path} ${prune ? 'need not' : 'has to'} be read`, () =>
      assert.equal(readIgnore(rules, 'f').canPrune(path), prune))

  it('never prunes what would have let something in', () => {
    const name = fc.constantFrom('a', 'b', 'ab')
    const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'))
    const rule = fc
      .array(fc.constantFrom('a', 'b', '*', '**', '?', '/', '/', '!', '[ab]'), { minLength: 1, maxLength: 6 })
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 5 }), path, path, (rules, directory, below) => {
        try {
          const matcher = readIgnore(rules.join('\n'), 'f')
          if (matcher.canPrune(directory)) assert.ok(matcher.matches(`${directory}/${below}`).ignored)
        } catch (error) {
          if (!(error instanceof TsbuildError)) throw error
        }
      }),
      { numRuns: 3000 },
    )
  })

  it('answers 10,000 paths in well under a second, hostile patterns too', () => {
    const matcher = readIgnore(`node_modules\n*.log\n**/*.tmp\n!keep.tmp\n${'*a'.repeat(50)}\n**/${'a*'.repeat(50)}b\n`, 'f')
    const start = performance.now()
    for (let i = 0; i < 10_000; i++) matcher.matches(`src/d${i % 100}/${'a'.repeat(40)}${i}.ts`)
    assert.ok(performance.now() - start < 1000)
  })
})
