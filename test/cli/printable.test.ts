import assert from 'node:assert/strict'
import { printable, printableLines, shortened } from '../../cli/printable.ts'

describe('printable', () => {
  for (const [what, text, want] of [
    ['text in any script', 'grün 日本語 🌲\t|', 'grün 日本語 🌲\t|'],
    ['an escape sequence', '\x1b[31mred', '\\x1b[31mred'],
    ['a line feed and a carriage return', 'a\nb\rc', 'a\\x0ab\\x0dc'],
    ['DEL', '\x7f', '\\u007f'],
    ['C1 controls', '\u009b31m\u0085', '\\u009b31m\\u0085'],
    ['overrides of the direction of text', 'a\u202eb\u2066c', 'a\\u202eb\\u2066c'],
    ['characters without width', 'a\u200bb\ufeff', 'a\\u200bb\\ufeff'],
    ['tags beyond the basic plane', '\u{e0041}', '\\udb40\\udc41'],
    ['separators of lines and paragraphs', 'a\u2028b\u2029c', 'a\\u2028b\\u2029c'],
    ['half a surrogate pair', 'a\ud83cb', 'a\\ud83cb'],
  ] as const)
    it(`${text === want ? 'leaves' : 'escapes'} ${what}`, () => assert.equal(printable(text), want))
})

describe('printableLines', () => {
  it('leaves line feeds', () => assert.equal(printableLines('a\nb\x1b\n'), 'a\nb\\x1b\n'))
  it('leaves JSON what it was', () => {
    const value = { text: '\x1b[31m\u009b\u202e\x7f\u{e0041}\ud83c\n' }
    const shown = printableLines(JSON.stringify(value, null, 2))
    assert.match(shown, /^[\n\x20-\x7e]*$/)
    assert.deepEqual(JSON.parse(shown), value)
  })
})

describe('shortened', () => {
  it('leaves a message whole that may well be read', () => assert.equal(shortened('x'.repeat(4000)), 'x'.repeat(4000)))
  it('shows both ends of one that nobody reads', () =>
    assert.equal(shortened(`what${'x'.repeat(65_000)}why`), `what${'x'.repeat(1996)} ... ${'x'.repeat(1997)}why`))
})
