import assert from 'node:assert/strict'
import { whiteoutOf } from '../../../registry/oci/whiteout.ts'

describe('whiteoutOf', () => {
  for (const [path, want] of [
    ['a/.wh.b', { kind: 'file', path: 'a/b' }],
    ['.wh.b', { kind: 'file', path: 'b' }],
    ['a/.wh..hidden', { kind: 'file', path: 'a/.hidden' }],
    ['a/.wh...', { kind: 'invalid' }],
    ['a/.wh..wh..opq', { kind: 'opaque', dir: 'a/' }],
    ['.wh..wh..opq', { kind: 'opaque', dir: '' }],
    ['a/b', { kind: 'none' }],
    ['a.wh.b', { kind: 'none' }],
    ['.wh.a/b', { kind: 'none' }],
    ['.whx', { kind: 'none' }],
    ['', { kind: 'none' }],
    ['a/.wh.', { kind: 'invalid' }],
    ['.wh..', { kind: 'invalid' }],
    ['.wh..wh.x', { kind: 'invalid' }],
    ['.wh..wh.plnk', { kind: 'invalid' }],
    ['a/.wh.\n', { kind: 'file', path: 'a/\n' }],
  ] as const) {
    it(`reads ${JSON.stringify(path)}`, () => assert.deepEqual(whiteoutOf(path), want))
  }
})
