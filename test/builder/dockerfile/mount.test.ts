import assert from 'node:assert/strict'
import { readDevice } from '../../../builder/dockerfile/device.ts'
import { readMount, readSize } from '../../../builder/dockerfile/mount.ts'
import { TsbuildError } from '../../../registry/oci/error.ts'

const at = { file: 'Dockerfile', startLine: 1, endLine: 1 }

describe('readMount', () => {
  for (const [text, want] of [
    ['target=/x', { type: 'bind', target: '/x' }],
    ['type=bind,src=a,dst=/x,rw', { type: 'bind', source: 'a', target: '/x', readOnly: false }],
    ['type=bind,destination=/x,readwrite=false', { type: 'bind', target: '/x', readOnly: true }],
    ['TYPE=Cache,Target=/c,id=a,sharing=Locked', { type: 'cache', target: '/c', id: 'a', sharing: 'locked' }],
    ['type=cache,target=/c,mode=0700,uid=1,gid=2,ro', { type: 'cache', target: '/c', mode: 0o700, uid: 1, gid: 2, readOnly: true }],
    ['type=tmpfs,target=/t,size=64m', { type: 'tmpfs', target: '/t', size: 64 << 20 }],
    ['type=secret,id=a,env=A,required', { type: 'secret', id: 'a', env: 'A', required: true }],
    ['type=secret,id=a,required=0', { type: 'secret', id: 'a', required: false }],
    ['type=ssh', { type: 'ssh' }],
    ['type=bind,"source=a,b",target=/x', { type: 'bind', source: 'a,b', target: '/x' }],
    ['type=$T,id=a,target=/x', { type: 'bind', id: 'a', target: '/x' }],
    ['type=cache,target=$T,uid=$U', { type: 'cache', target: undefined, uid: undefined }],
    ['type=cache,id=,from=,target=/x', { type: 'cache', id: undefined, from: undefined, target: '/x' }],
  ] as const)
    it(`reads ${text}`, () => assert.deepEqual(readMount(text, at), want))

  it('expands values, but not from', () => {
    const mount = readMount('type=bind,from=base,source=$a,target=/x', at, (value) => value.replace('$a', 'dir'))
    assert.deepEqual(mount, { type: 'bind', from: 'base', source: 'dir', target: '/x' })
  })

  for (const [text, message] of [
    ['type=bnd,target=/x', /unsupported mount type "bnd".*did you mean bind/],
    ['tarrget=/x', /unexpected key "tarrget".*did you mean target/],
    ['type=cache,target=/x,sharing=privat', /unsupported sharing value "privat".*did you mean private/],
    ['type=tmpfs,target=/x,id=a', /type tmpfs takes no id/],
    ['type=cache,target=/x,required', /type cache takes no required/],
    ['type=bind,from=$base,target=/x', /from takes no variables/],
    ['type=cache,target=/x,mode=999', /invalid value for mode/],
    ['type=cache,target=/x,uid=-1', /invalid value for uid/],
    ['type=tmpfs,target=/x,size=big', /invalid value for size/],
    ['type=secret,id', /id needs a value/],
    ['type=cache,target=/x,sharing=', /sharing needs a value/],
    ['type=secret,required=maybe', /invalid value for required/],
    ['type=bind,"source=a', /a quote is not closed/],
  ] as const)
    it(`refuses ${text}`, () =>
      assert.throws(
        () => readMount(text, at),
        (error) => error instanceof TsbuildError && message.test(`${error.message} (${error.hint})`),
      ))
})

describe('readSize', () => {
  for (const [text, want] of [
    ['0', 0],
    ['1024', 1024],
    ['1k', 1024],
    ['1.5g', 1.5 * 2 ** 30],
    ['10MB', 10 << 20],
    ['10MiB', 10 << 20],
    ['99999p', undefined],
    ['-1', undefined],
    ['', undefined],
  ] as const)
    it(`reads ${JSON.stringify(text)}`, () => assert.equal(readSize(text), want))
})

describe('readDevice', () => {
  for (const [text, want] of [
    ['a.com/b=c', { name: 'a.com/b=c', required: false }],
    ['a.com/b', { name: 'a.com/b', required: false }],
    ['class1,required', { name: 'class1', required: true }],
    ['name=a.com/b=c,required', { name: 'a.com/b=c', required: true }],
    ['a/b=c,required=false', { name: 'a/b=c', required: false }],
  ] as const)
    it(`reads ${text}`, () => assert.deepEqual(readDevice(text, at), want))
  for (const text of ['required', '/dev/kvm', 'a/b=c,x=y', 'a/b=c,a/b=d', 'a/b=../c', 'name='])
    it(`refuses ${text}`, () => assert.throws(() => readDevice(text, at), { code: 'DOCKERFILE_SYNTAX' }))
})
