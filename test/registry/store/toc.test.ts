import assert from 'node:assert/strict'
import { digestOf } from '../../../registry/oci/digest.ts'
import { hasCode } from '../../../registry/oci/error.ts'
import { parseToc } from '../../../registry/store/toc.ts'
import { dir, file, symlink, tocBytes } from './tocs.ts'

const isInvalid = (error: unknown) => hasCode(error, 'TOC_INVALID')

describe('parseToc', () => {
  it('reads every field of an entry', () => {
    const { entries, tarSize } = parseToc(
      tocBytes([dir('a\xff\nb'), { path: 'f', content: 'hi', mode: 0o4755, uid: 3e9, xattrs: { 'user.x': '\0y' } }]),
    )
    assert.equal(tarSize, 123_456)
    const [first, second] = entries
    assert.equal(first?.path, 'a\xff\nb')
    assert.equal(first?.sha256, undefined)
    assert.deepEqual(first?.xattrs, [])
    assert.ok(second)
    assert.deepEqual([second.mode, second.uid, second.gid, second.size, second.offset], [0o4755, 3e9, 7, 2, 1024])
    assert.deepEqual([second.rdevMajor, second.rdevMinor, second.link, second.type], [1, 2, '', 'file'])
    assert.deepEqual(second.mtime, { seconds: -5, nanoseconds: 999_999_999 })
    assert.equal(Buffer.from(second.sha256 ?? []).toString('hex'), digestOf('hi').slice(7))
    assert.deepEqual(second.xattrs, [{ name: 'user.x', value: '\0y' }])
  })
  it('reads the link of a symlink', () => assert.equal(parseToc(tocBytes([symlink('l', '../t')])).entries[0]?.link, '../t'))
  it('reads a layer without entries', () => assert.deepEqual(parseToc(tocBytes([])).entries, []))

  const whole = tocBytes([dir('a'), file('a/b', 'x')])
  it('refuses one that ends early, wherever', () => {
    for (let size = 0; size < whole.length; size++) assert.throws(() => parseToc(whole.subarray(0, size)), isInvalid, `${size} bytes`)
  })
  it('refuses bytes behind the last entry', () => assert.throws(() => parseToc(Buffer.concat([whole, Buffer.of(0)])), isInvalid))
  it('refuses another format', () => assert.throws(() => parseToc(Buffer.concat([Buffer.of(2), whole.subarray(1)])), isInvalid))
  it('refuses a file type that is none', () => {
    const bytes = tocBytes([file('a')])
    bytes[56 + 4 + 1] = 99
    assert.throws(() => parseToc(bytes), isInvalid)
  })
})
