import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseChmod } from '../../../builder/steps/chmod.ts'

describe('parseChmod', () => {
  for (const [text, want] of [
    ['0', 0],
    ['644', 0o644],
    ['7777', 0o7777],
    ['01755', 0o1755],
  ] as const) {
    it(`reads the octal mode ${text}`, () => assert.equal(parseChmod(text).apply(0o600, false), want))
  }
  for (const text of ['64a', '10000', '', '8', 'u', 'z+x', 'u+q', 'u+r,', '+x;']) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.throws(() => parseChmod(text), { code: 'CHMOD_INVALID' }))
  }

  describe('gives what chmod(1) gives', () => {
    const dir = mkdtempSync(join(tmpdir(), 'chmod-'))
    after(() => rmSync(dir, { recursive: true }))
    const clauses = ['u+x', 'a-w', 'go=', 'u=rwx,g=rx,o=', 'g=u', 'o=g', '+t', 'u+s', 'g+s,o+w', 'a+X', 'u=rwX,go=rX', '=r', 'ug+rw-x', 'a=rx,u+w']
    for (const clause of clauses) {
      it(clause, () => {
        for (const mode of [0o644, 0o755, 0o4711, 0o600, 0o2750]) {
          for (const isDirectory of [false, true]) {
            const path = join(dir, 'x')
            if (isDirectory) mkdirSync(path)
            else writeFileSync(path, '')
            chmodSync(path, mode)
            execFileSync('sh', ['-c', `umask 0; chmod "$1" "$2"`, 'sh', clause, path])
            const got = parseChmod(clause).apply(mode, isDirectory).toString(8)
            assert.equal(got, (statSync(path).mode & 0o7777).toString(8), `${clause} on ${mode.toString(8)}`)
            rmSync(path, { recursive: true })
          }
        }
      })
    }
  })
})
