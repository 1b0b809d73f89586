import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { TsbuildError } from '../../../registry/oci/error.ts'
import { writeWhole, writing } from '../../../registry/store/place.ts'
import { testStore } from './support.ts'

describe('writing', () => {
  for (const [errno, hint] of [
    ['ENOSPC', /free space under \/store/],
    ['EDQUOT', /free space under \/store/],
    ['EROFS', /TSBUILD_ROOT/],
    ['EACCES', /TSBUILD_ROOT/],
  ] as const) {
    it(`turns ${errno} into one line with a hint`, () => {
      const fail = () => {
        throw Object.assign(new Error('x'), { code: errno })
      }
      assert.throws(
        () => writing('/store', 'blob x', fail),
        (error) =>
          error instanceof TsbuildError &&
          error.code === 'STORE_WRITE' &&
          error.message === `cannot write blob x: ${errno}` &&
          hint.test(error.hint ?? ''),
      )
    })
  }
  it('leaves bugs and errors of ours alone', () => {
    for (const error of [new Error('bug'), new TsbuildError('BLOB_MISMATCH', 'x')]) {
      const fail = () => {
        throw error
      }
      assert.throws(() => writing('/store', 'x', fail), error)
    }
  })
})

describe('writeWhole', () => {
  it('replaces a file, makes its folder, and leaves nothing else there', async () => {
    await using t = await testStore()
    for (const text of ['one', 'two']) {
      await writeWhole(t.store, `${t.root}/cache/steps/ab/record`, Buffer.from(text))
      assert.equal(readFileSync(`${t.root}/cache/steps/ab/record`, 'utf8'), text)
    }
    assert.deepEqual(readdirSync(`${t.root}/cache/steps/ab`), ['record'])
  })
  it('keeps the old file when the new one cannot be put in its place', async () => {
    await using t = await testStore()
    mkdirSync(`${t.root}/names/app`)
    await assert.rejects(writeWhole(t.store, `${t.root}/names/app`, Buffer.from('x')), /cannot write/)
    assert.ok(existsSync(`${t.root}/names/app`))
    rmSync(`${t.root}/names/app`, { recursive: true })
  })
})
