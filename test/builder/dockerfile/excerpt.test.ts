import assert from 'node:assert/strict'
import { excerpt } from '../../../builder/dockerfile/excerpt.ts'

const RULE = '-'.repeat(20)

describe('excerpt', () => {
  for (const [what, text, at, lines] of [
    [
      'marks one line, two around it, and underlines the columns',
      'FROM a\nUSER x\nRUN --mout=x y\nCMD z\nCMD q\nCMD r\n',
      { startLine: 3, endLine: 3, startColumn: 5, endColumn: 13 },
      [
        '   1 |     FROM a',
        '   2 |     USER x',
        '   3 | >>> RUN --mout=x y',
        '     |         ^^^^^^^^',
        '   4 |     CMD z',
        '   5 |     CMD q',
      ],
    ],
    [
      'marks each line of a range, one around it',
      'a\nb\nc\nd\ne',
      { startLine: 2, endLine: 3 },
      ['   1 |     a', '   2 | >>> b', '   3 | >>> c', '   4 |     d'],
    ],
    ['begins at line 1 and shows no line after the last', 'a\n', { startLine: 1, endLine: 1 }, ['   1 | >>> a']],
    [
      'keeps tabs before the underline',
      '\tRUN x',
      { startLine: 1, endLine: 1, startColumn: 2, endColumn: 5 },
      ['   1 | >>> \tRUN x', '     |     \t^^^'],
    ],
    [
      'does not let the file talk to the terminal',
      'RUN \u001b[2J\u009b\u202e\u2028 x\r\n',
      { startLine: 1, endLine: 1 },
      ['   1 | >>> RUN ?[2J??? x'],
    ],
    [
      'underlines a word whose columns nobody knows, on whatever line it stands alone',
      'COPY ab \\\n  "b" \\\n  b\n',
      { startLine: 1, endLine: 3, word: 'b' },
      ['   1 | >>> COPY ab \\', '   2 | >>>   "b" \\', '     |        ^', '   3 | >>>   b'],
    ],
    ['underlines no word that is not there', 'COPY $X /', { startLine: 1, endLine: 1, word: 'x' }, ['   1 | >>> COPY $X /']],
    [
      'underlines no further than the line',
      'RUN',
      { startLine: 1, endLine: 1, startColumn: 1, endColumn: 99 },
      ['   1 | >>> RUN', '     |     ^^^'],
    ],
  ] as const)
    it(what, () => assert.deepEqual(excerpt(text, { file: 'D', ...at }).split('\n'), [`D:${at.startLine}`, RULE, ...lines, RULE]))

  it('leaves out the middle of a long range', () => {
    const lines = excerpt('x\n'.repeat(1000), { file: 'D', startLine: 2, endLine: 900 }).split('\n')
    assert.equal(lines.length, 44)
    assert.deepEqual(lines.slice(20, 25), ['  19 | >>> x', '  20 | >>> x', ' ... |', ' 882 | >>> x', ' 883 | >>> x'])
  })

  it('cuts long lines', () =>
    assert.ok(excerpt('x'.repeat(60_000), { file: 'D', startLine: 1, endLine: 1, startColumn: 50_000, endColumn: 50_002 }).length < 300))
})
