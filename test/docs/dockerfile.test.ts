import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../package-root.ts'

interface Row {
  readonly line: number
  readonly what: string
  readonly proofs: readonly string[]
}

/** `test/a/b.test.ts` > `title`, or `fixtures/dockerfiles/case`. A title with a backtick in it stands between two of them. */
const PROOF = /^`((?:test|fixtures)\/[\w./-]+)`(?: > (?:`` (.+) ``|`([^`]+)`))?$/

/** What is wrong with the proof of a row; undefined when nothing is. */
function wrongWith(proof: string, root = packageRoot()): string | undefined {
  const [, path = '', quoted, plain] = PROOF.exec(proof) ?? []
  const title = (quoted ?? plain)?.replaceAll('\\|', '|')
  if (path === '') return `not a test: ${proof}`
  if (!existsSync(join(root, path))) return `there is no ${path}`
  if (title === undefined)
    return existsSync(join(root, path, 'expected.json')) ? undefined : `${path} is a test without a title, or a case without its outcome`
  return isLiteral(title, readFileSync(join(root, path), 'utf8')) ? undefined : `${path} has no ${JSON.stringify(title)}`
}

/** Whether the text is a whole string of the source: a title, or what a row of its table is called. Escapes are as in the source. */
function isLiteral(text: string, source: string): boolean {
  return [`'${text.replaceAll("'", "\\'")}'`, `'${text}'`, `"${text}"`, `\`${text}\``].some((literal) => source.includes(literal))
}

/** Rows of all tables but their heads, of every section with a table. */
function readRows(text: string): Row[] {
  return text.split('\n').flatMap((line, index) => {
    if (!line.startsWith('|') || /^\|(?:-+\|)+$/.test(line) || line.startsWith('| what holds |')) return []
    const [, what = '', proofs = ''] = line.split(/(?<!\\)\|/)
    return [{ line: index + 1, what: what.trim(), proofs: proofs.trim().split('<br>').filter(Boolean) }]
  })
}

describe('docs/dockerfile.md', () => {
  const rows = readRows(readFileSync(join(packageRoot(), 'docs/dockerfile.md'), 'utf8'))

  it('has a test that is there for everything it says', () => {
    assert.ok(rows.length > 150, `${rows.length} rows`)
    const wrong = rows.flatMap(({ line, what, proofs }) => {
      if (proofs.length === 0) return [`${line}: no test for: ${what}`]
      return proofs.flatMap((proof) => wrongWith(proof) ?? []).map((why) => `${line}: ${why}`)
    })
    assert.deepEqual(wrong, [])
  })

  for (const [what, proof] of [
    ['no title', '`test/docs/dockerfile.test.ts`'],
    ['a title that is no whole string', '`test/package-root.ts` > `package.jso`'],
    ['a file that is not there', '`test/docs/none.test.ts` > `docs/dockerfile.md`'],
    ['a case that is not there', '`fixtures/dockerfiles/none`'],
    ['words', 'see the tests'],
  ] as const)
    it(`would notice ${what}`, () => assert.notEqual(wrongWith(proof), undefined))
})
