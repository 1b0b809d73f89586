// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the words under test are a Dockerfile's, not templates
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { expandHeredoc, expandWord, expandWords } from '../../../builder/dockerfile/expand.ts'
import { TsbuildError } from '../../../registry/oci/error.ts'

const env = new Map([
  ['V', 'value'],
  ['E', ''],
  ['_u', 'under'],
  ['V2', 'two'],
  ['é', 'accent'],
  ['F', 'archive.tar.gz'],
  ['P', '/usr/local/bin'],
  ['S', 'a*b?c'],
  ['B', 'a\\b'],
  ['W', 'one two'],
  ['N', 'a\nb'],
  ['X', '👽🚀🖖'],
])
const words: readonly (readonly [string, string])[] = [
  ['', ''],
  ['plain', 'plain'],
  ['$V', 'value'],
  ['${V}', 'value'],
  ['a$V/b', 'avalue/b'],
  ['a${V}b', 'avalueb'],
  ['$V$V', 'valuevalue'],
  ['$V.x', 'value.x'],
  ['$V-x', 'value-x'],
  ['$V2', 'two'],
  ['${V}2', 'value2'],
  ['$Vx', ''],
  ['$_u', 'under'],
  ['$é', 'accent'],
  ['${é}', 'accent'],
  ['$v', ''],
  ['$', '$'],
  ['a$', 'a$'],
  ['$ V', '$ V'],
  ['$/V', '$/V'],
  ['$.', '$.'],
  ['$(V)', '$(V)'],
  ['$1', ''],
  ['$12x', 'x'],
  ['${1}', ''],
  ['$0$@$*$#$?$-$!', ''],
  ['$$V', 'V'],
  ['${@}', ''],
  ['${E}', ''],
  // escapes
  ['\\$V', '$V'],
  ['\\\\$V', '\\value'],
  ['\\\\\\$V', '\\$V'],
  ['a\\ b', 'a b'],
  ['\\a', 'a'],
  ["\\'", "'"],
  ['\\"', '"'],
  ['a\\', 'a'],
  ['$\\V', '$V'],
  // quotes
  ["'$V'", '$V'],
  ["'a\\'", 'a\\'],
  ["'a'\\''b'", "a'b"],
  ['"$V"', 'value'],
  ['"${V}"', 'value'],
  ['"a b"', 'a b'],
  ['"\\$V"', '$V'],
  ['"\\""', '"'],
  ['"\\\\"', '\\'],
  ['"\\a"', '\\a'],
  ['"\\\'"', "\\'"],
  ['"\'$V\'"', "'value'"],
  ["'\"'", '"'],
  ['a"b"\'c\'d', 'abcd'],
  ['""', ''],
  ["''x", 'x'],
  // alternatives
  ['${V-w}', 'value'],
  ['${E-w}', ''],
  ['${U-w}', 'w'],
  ['${V:-w}', 'value'],
  ['${E:-w}', 'w'],
  ['${U:-w}', 'w'],
  ['${U:-}', ''],
  ['${U-}', ''],
  ['${V+w}', 'w'],
  ['${E+w}', 'w'],
  ['${U+w}', ''],
  ['${V:+w}', 'w'],
  ['${E:+w}', ''],
  ['${U:+w}', ''],
  ['${V?w}', 'value'],
  ['${E?w}', ''],
  ['${V:?w}', 'value'],
  ['${U:-$V}', 'value'],
  ['${U:-${V}}', 'value'],
  ['${U:-${E:-${V}}}', 'value'],
  ['${U:-a b}', 'a b'],
  ['${U:-"a b"}', 'a b'],
  ["${U:-'$V'}", '$V'],
  ['${U:-\\}}', '}'],
  ['${U:-"}"}', '}'],
  ['${U:-a}}', 'a}'],
  ['"${U:-"a"}"', 'a'],
  ['${V:+${V}:}x', 'value:x'],
  ['${U:--}', '-'],
  ['${U:-:-}', ':-'],
  ['${U:-/}', '/'],
  ['${V-${U?never looked at}}', 'value'],
  ['${U+${U?never looked at}}', ''],
  ['${V-${U:-${U?never looked at}}}', 'value'],
  // prefixes and suffixes
  ['${F#*.}', 'tar.gz'],
  ['${F##*.}', 'gz'],
  ['${F%.*}', 'archive.tar'],
  ['${F%%.*}', 'archive'],
  ['${F#archive}', '.tar.gz'],
  ['${F#tar}', 'archive.tar.gz'],
  ['${F%gz}', 'archive.tar.'],
  ['${F%tar}', 'archive.tar.gz'],
  ['${F#}', 'archive.tar.gz'],
  ['${F%}', 'archive.tar.gz'],
  ['${F#?}', 'rchive.tar.gz'],
  ['${F%?}', 'archive.tar.g'],
  ['${F##?}', 'rchive.tar.gz'],
  ['${F#*}', 'archive.tar.gz'],
  ['${F##*}', ''],
  ['${F%*}', 'archive.tar.gz'],
  ['${F%%*}', ''],
  ['${F#a*c}', 'hive.tar.gz'],
  ['${F##a*a}', 'r.gz'],
  ['${F%r*}', 'archive.ta'],
  ['${F%%r*}', 'a'],
  ['${F#[a]}', 'archive.tar.gz'],
  ['${F#archive.}', 'tar.gz'],
  ['${F#archive(}', 'archive.tar.gz'],
  ['${P##*/}', 'bin'],
  ['${P%/*}', '/usr/local'],
  ['${P%/}', '/usr/local/bin'],
  ['${S#a\\*}', 'b?c'],
  ['${S%\\?c}', 'a*b'],
  ['${S#a\\?}', 'a*b?c'],
  ['${B#a\\\\}', 'b'],
  ['${F#$U}', 'archive.tar.gz'],
  ['${F%.${U:-gz}}', 'archive.tar'],
  ['${F#"archive"}', '.tar.gz'],
  ['${U#x}', ''],
  ['${E#x}', ''],
  ['${X#?}', '🚀🖖'],
  ['${X%?}', '👽🚀'],
  ['${N#a?}', 'b'],
  ['${N#*}', 'a\nb'],
  ['${F#\\}}', 'archive.tar.gz'],
  ['"${F%%.*}"', 'archive'],
  // replacement
  ['${F/./-}', 'archive-tar.gz'],
  ['${F//./-}', 'archive-tar-gz'],
  ['${F//a/}', 'rchive.tr.gz'],
  ['${F/a/}', 'rchive.tar.gz'],
  ['${F/x/y}', 'archive.tar.gz'],
  ['${F//x/y}', 'archive.tar.gz'],
  ['${F/.*/}', 'archive'],
  ['${F/.*r/}', 'archive.gz'],
  ['${F//?/x}', 'xxxxxxxxxxxxxx'],
  ['${F//*/x}', 'x'],
  ['${F/*/x}', 'x'],
  ['${E/*/x}', 'x'],
  ['${P//\\//_}', '_usr_local_bin'],
  ['${P/\\//}', 'usr/local/bin'],
  ['${F/./\\}}', 'archive\\}tar.gz'],
  ['${F//./$V}', 'archivevaluetarvaluegz'],
  ['${F//./\\$1}', 'archive\\$1tar\\$1gz'],
  ['${F//./"\\$\\n"}', 'archive\\$\\\\ntar\\$\\\\ngz'],
  ["${F/./'}'}", 'archive}tar.gz'],
  ['${F/./${U:-\\+}}', 'archive+tar.gz'],
  ['${F/./${U:-+}}', 'archive+tar.gz'],
  ['${S/\\*/+}', 'a+b?c'],
  ['${S//\\?/}', 'a*bc'],
  ['${U/a/b}', ''],
  ['${V///x}', 'value'],
  ['${V/$E/x}', 'xvalue'],
  ['${W/ /_}', 'one_two'],
  ['${X//?/.}', '...'],
]

const errors: readonly (readonly [string, string])[] = [
  ['${', "syntax error: missing '}'"],
  ['${V', "syntax error: missing '}'"],
  ['${V:', "syntax error: missing '}'"],
  ['${V:-', "syntax error: missing '}'"],
  ['${V:-${U}', "syntax error: missing '}'"],
  ['${V#', "syntax error: missing '}'"],
  ['${V/a/', "syntax error: missing '}'"],
  ['${V/a', "syntax error: missing '/' in ${}"],
  ['${V/a}', "syntax error: missing '/' in ${}"],
  ['${V//a}', "syntax error: missing '/' in ${}"],
  ['${}', 'syntax error: bad substitution'],
  ['${:}', 'syntax error: bad substitution'],
  ['${{', 'syntax error: bad substitution'],
  ['${ V}', 'syntax error: bad substitution'],
  ['${.}', 'syntax error: bad substitution'],
  ['${V }', 'unsupported modifier ( ) in substitution'],
  ['${V:}', 'unsupported modifier (:}) in substitution'],
  ['${V:=w}', 'unsupported modifier (:=) in substitution'],
  ['${V=w}', 'unsupported modifier (=) in substitution'],
  ['${V:1:2}', 'unsupported modifier (:1) in substitution'],
  ['${V:#w}', 'unsupported modifier (:#) in substitution'],
  ['${V:%w}', 'unsupported modifier (:%) in substitution'],
  ['${V:/a/b}', 'unsupported modifier (:/) in substitution'],
  ['${V^^}', 'unsupported modifier (^) in substitution'],
  ['${#V}', 'unsupported modifier (V) in substitution'],
  ['${!V}', 'unsupported modifier (V) in substitution'],
  ['${U?}', 'U: is not allowed to be unset'],
  ['${U:?}', 'U: is not allowed to be unset'],
  ['${E:?}', 'E: is not allowed to be empty'],
  ['${U?say so}', 'U: say so'],
  ['${U:?say $V}', 'U: say value'],
  ['${E:?say so}', 'E: say so'],
  ["'a", 'unexpected end of statement while looking for matching single-quote'],
  ['"a', 'unexpected end of statement while looking for matching double-quote'],
  ['"a\\"', 'unexpected end of statement while looking for matching double-quote'],
  ['"$V', 'unexpected end of statement while looking for matching double-quote'],
  ['${U:-"a}', 'unexpected end of statement while looking for matching double-quote'],
  ['${F#\\x}', "invalid escape '\\x' in a pattern"],
  ['${F/\\d/x}', "invalid escape '\\d' in a pattern"],
]

describe('expandWord', () => {
  for (const [word, expected] of words)
    it(`${word} is ${JSON.stringify(expected)}`, () => assert.equal(expandWord(word, { env, escape: '\\' }).text, expected))

  for (const [word, problem] of errors)
    it(`${word} fails: ${problem}`, () => {
      const at = { file: 'D', startLine: 3, endLine: 3 }
      const message = `${problem} in ${JSON.stringify(word)}`
      assert.throws(() => expandWord(word, { env, escape: '\\', at }), { code: 'DOCKERFILE_VARIABLE', message, at })
    })

  for (const [word, expected] of [
    ['`$V', '$V'],
    ['c:\\dir\\$V', 'c:\\dir\\value'],
    ['"`$\\"', '$\\'],
    ['``', '`'],
    ['${B#a\\}', 'b'],
    ['${B/`\\/-}', 'a-b'],
    ['${S#a`*}', 'b?c'],
  ] as const)
    it(`with the backtick as escape ${word} is ${expected}`, () => assert.equal(expandWord(word, { env, escape: '`' }).text, expected))

  it('says which variables mattered and which were not set', () => {
    const { used, unset } = expandWord('$V ${U:-$A} ${E:+$B} $@ ${C#x}', { env, escape: '\\' })
    assert.deepEqual([...used], ['V', 'U', 'A', 'E', '@', 'C'])
    assert.deepEqual([...unset], ['A', 'C'])
  })

  it('throws nothing but TsbuildError, and ends', () => {
    const piece = fc.constantFrom(
      ...['$', '{', '}', 'V', 'U', 'F', ':', '-', '+', '?', '#', '%', '/', '*', '\\', '"', "'", ' ', 'é', '👽', '\ud83d', '`'],
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.constantFrom('\\', '`'), (pieces, escapeChar) => {
        for (const expand of [expandWord, expandWords, expandHeredoc])
          try {
            expand(pieces.join(''), { env, escape: escapeChar })
          } catch (error) {
            assert.ok(error instanceof TsbuildError, String(error))
          }
      }),
      { numRuns: 3000 },
    )
  })

  it('stops at 100 nested braces', () => {
    assert.equal(expandWord(`${'${U:-'.repeat(100)}x${'}'.repeat(100)}`, { env, escape: '\\' }).text, 'x')
    assert.throws(() => expandWord('${U:-'.repeat(20_000), { env, escape: '\\' }), { code: 'DOCKERFILE_VARIABLE' })
  })

  for (const word of ['$L$L', '${L/a/$L}', '${L//a/bbbb}', '${U:-$L$L}'])
    it(`does not let ${word} grow beyond 1 MiB`, () => {
      const long = new Map([['L', 'a'.repeat(600_000)]])
      assert.throws(() => expandWord(word, { env: long, escape: '\\' }), { code: 'DOCKERFILE_VARIABLE' })
    })

  for (const word of ['${L//*a*a*a*a*a*b/}', '${L##*a*a*a*a*a*b}', '${L%%a*a*a*a*a*b}', '${L//a*a*a*a*b/}', '${L//aaaaaaaab/}'])
    it(`takes no time over ${word} on a hostile value`, () => {
      const start = performance.now()
      expandWord(word, { env: new Map([['L', 'a'.repeat(50_000)]]), escape: '\\' })
      assert.ok(performance.now() - start < 1000)
    })
})

describe('expandWords', () => {
  for (const [text, expected] of [
    ['80 443', ['80', '443']],
    ['$W', ['one', 'two']],
    ['"$W"', ['one two']],
    ["'$W' x", ['$W', 'x']],
    ['a$W-b', ['aone', 'two-b']],
    ['a\\ b', ['a b']],
    ['$U', []],
    ['""', []],
    ['a""b', ['ab']],
    ['${U:-x y}', ['x', 'y']],
    ['"${U:-x y}"', ['x y']],
    ['  $V\t$V2\n', ['value', 'two']],
    ['$N', ['a', 'b']],
  ] as const)
    it(`parts ${text} into ${JSON.stringify(expected)}`, () => assert.deepEqual(expandWords(text, { env, escape: '\\' }).words, expected))
})

describe('expandHeredoc', () => {
  for (const [text, expected] of [
    ['"$V" \'$V\'\n', '"value" \'value\'\n'],
    ['\\\n', '\n'],
    ['\\\\\n', '\\\n'],
    ['\\$V\n', '$V\n'],
    ['${U:-"x"}\n', '"x"\n'],
    ["it's\n", "it's\n"],
    ['`$V`\r\n', '`value`\r\n'],
  ] as const)
    it(`makes ${JSON.stringify(text)} ${JSON.stringify(expected)}`, () => assert.equal(expandHeredoc(text, { env }).text, expected))
})
