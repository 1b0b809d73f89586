import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { applyMode, readMode } from '../../../builder/dockerfile/mode.ts'

describe('a symbolic --chmod gives what chmod(1) gives', () => {
  const dir = mkdtempSync(join(tmpdir(), 'chmod-'))
  after(() => rmSync(dir, { recursive: true }))
  const clauses = [
    'u+x',
    'a-w',
    'go=',
    'u=rwx,g=rx,o=',
    'g=u',
    'o=g',
    '+t',
    'u+s',
    'g+s,o+w',
    'a+X',
    'u=rwX,go=rX',
    '=r',
    'ug+rw-x',
    'a=rx,u+w',
  ]
  for (const clause of clauses) {
    it(clause, () => {
      for (const mode of [0o644, 0o755, 0o4711, 0o600, 0o2750]) {
        for (const isDirectory of [false, true]) {
          const path = join(dir, 'x')
          if (isDirectory) mkdirSync(path)
          else writeFileSync(path, '')
          chmodSync(path, mode)
          execFileSync('sh', ['-c', `umask 0; chmod "$1" "$2"`, 'sh', clause, path])
          const change = readMode(clause)
          assert.ok(change)
          const got = applyMode(change, mode, isDirectory).toString(8)
          assert.equal(got, (statSync(path).mode & 0o7777).toString(8), `${clause} on ${mode.toString(8)}`)
          rmSync(path, { recursive: true })
        }
      }
    })
  }
})
