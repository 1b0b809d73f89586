import assert from 'node:assert/strict'
import { chownOwner, isNumericOwner, stepUser } from '../../../builder/steps/users.ts'

const files = {
  passwd: 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:App:/home/app:/bin/sh\n#old:x:7:7::/:\nbroken\n12:x:500:500::/twelve:\n',
  group: 'root:x:0:\napp:x:1001:\nwheel:x:10:root,app\naudio:x:29:app\n',
}
const none = { passwd: undefined, group: undefined }

describe('stepUser', () => {
  for (const [text, want] of [
    ['', { uid: 0, gid: 0, groups: [0, 10], home: '/root' }],
    ['app', { uid: 1000, gid: 1001, groups: [1001, 10, 29], home: '/home/app' }],
    ['1000', { uid: 1000, gid: 1001, groups: [1001, 10, 29], home: '/home/app' }],
    ['app:wheel', { uid: 1000, gid: 10, groups: [10], home: '/home/app' }],
    ['app:77', { uid: 1000, gid: 77, groups: [77], home: '/home/app' }],
    ['4711', { uid: 4711, gid: 0, groups: [0], home: '/' }],
    ['4711:12', { uid: 4711, gid: 12, groups: [12], home: '/' }],
    ['app:', { uid: 1000, gid: 1001, groups: [1001, 10, 29], home: '/home/app' }],
    [':10', { uid: 0, gid: 10, groups: [10], home: '/root' }],
    ['12', { uid: 500, gid: 500, groups: [500], home: '/twelve' }],
  ] as const) {
    it(`reads ${JSON.stringify(text)}`, () => assert.deepEqual(stepUser(text, files), want))
  }
  it('needs no file for numbers', () => assert.deepEqual(stepUser('5:6', none), { uid: 5, gid: 6, groups: [6], home: '/' }))
  for (const text of ['nobody', 'app:nogroup', '-1', '4294967295'])
    it(`refuses ${text}`, () => assert.throws(() => stepUser(text, files), { code: 'USER_UNKNOWN' }))
})

describe('chownOwner', () => {
  for (const [text, want] of [
    ['app', { uid: 1000, gid: 1001 }],
    ['55', { uid: 55, gid: 55 }],
    ['55:app', { uid: 55, gid: 1001 }],
    ['app:0', { uid: 1000, gid: 0 }],
    ['55:', { uid: 55, gid: 0 }],
    [':55', { uid: 0, gid: 55 }],
  ] as const) {
    it(`reads ${text}`, () => assert.deepEqual(chownOwner(text, files), want))
  }
  it('takes root for 0 in an image without users', () => {
    assert.deepEqual(
      ['root', 'root:root', '7:root', 'root:7'].map((text) => chownOwner(text, none)),
      [
        { uid: 0, gid: 0 },
        { uid: 0, gid: 0 },
        { uid: 7, gid: 0 },
        { uid: 0, gid: 7 },
      ],
    )
    assert.throws(() => chownOwner('app:root', none), { code: 'USER_UNKNOWN' })
  })
  it('refuses a name that the image does not have', () =>
    assert.throws(() => chownOwner('nobody', files), { code: 'USER_UNKNOWN', message: /"nobody"/ }))
  it('tells when the image need not be asked', () =>
    assert.deepEqual(['1:2', '1', 'app', '1:app'].map(isNumericOwner), [true, true, false, false]))
})
