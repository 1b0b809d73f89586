import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeFolders } from '../../../registry/store/make-folders.ts'

describe('makeFolders', () => {
  const base = mkdtempSync(join(tmpdir(), 'folders-'))
  after(() => rmSync(base, { recursive: true }))

  it('makes what is missing, and is content with what is there', () => {
    makeFolders(join(base, 'a/b/c'), 0o700)
    makeFolders(join(base, 'a/b'))
    assert.equal(statSync(join(base, 'a/b/c')).mode & 0o777, 0o700)
  })
  it('fails where nothing can be made, and does not try for ever', () => {
    assert.throws(() => makeFolders('/proc/none/a'), { code: 'ENOENT' })
  })
})
