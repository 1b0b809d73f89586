import assert from 'node:assert/strict'
import { outputsOf } from '../../cli/output-flags.ts'

const read = (texts: readonly string[], more: { push?: boolean; names?: readonly string[] } = {}) =>
  outputsOf(texts, { push: more.push ?? false, names: more.names ?? [] })
const output = (kind: string, more: object = {}) => ({
  kind,
  dest: undefined,
  names: [],
  push: false,
  tar: true,
  platformSplit: false,
  rewriteTimestamps: false,
  ...more,
})

describe('outputsOf', () => {
  for (const [text, want] of [
    ['out', output('local', { dest: 'out' })],
    ['-', output('tar', { dest: '-' })],
    ['type=tar,dest=a.tar', output('tar', { dest: 'a.tar' })],
    ['type=oci,dest=a.tar', output('oci', { dest: 'a.tar' })],
    ['type=oci,dest=a,tar=false', output('oci', { dest: 'a', tar: false })],
    ['type=oci,dest=a,tar=0', output('oci', { dest: 'a', tar: false })],
    ['type=image,push=TRUE,name=a', output('image', { push: true, names: ['docker.io/library/a:latest'] })],
    ['type=image,"name=a,b:1",push=f', output('image', { names: ['docker.io/library/a:latest', 'docker.io/library/b:1'] })],
    ['type=registry,name=a', output('registry', { push: true, names: ['docker.io/library/a:latest'] })],
    ['type=image,rewrite-timestamp', output('image', { rewriteTimestamps: true })],
    ['type=docker,dest=-,name=a', output('docker', { dest: '-', names: ['docker.io/library/a:latest'] })],
  ] as const)
    it(`reads ${text}`, () => assert.deepEqual(read([text]), [want]))

  for (const [texts, message] of [
    [['type=iso,dest=x'], /type iso/],
    [['type=constructor'], /type constructor/],
    [['dest=x'], /type is missing/],
    [['type=oci'], /dest is missing/],
    [['type=oci,dest='], /dest is missing/],
    [['type=oci,dest=x,tar=maybe'], /tar is true or false/],
    [['type=image,push=yes,name=a'], /push is true or false/],
    [['type=image,dest=x'], /dest is not known for image/],
    [['type=image,oci-mediatypes=false'], /only OCI media types/],
    [['type=local,dest=-'], /a folder cannot go to standard output/],
    [['type=oci,dest=-,tar=false'], /a folder cannot go to standard output/],
    [['-', 'type=oci,dest=-'], /only one output/],
    [['type=registry'], /a name is needed/],
  ] as const)
    it(`refuses ${texts.join(' and ')}`, () => assert.throws(() => read(texts), { code: 'USAGE', message }))

  it('keeps the image when nothing is said, and pushes with --push', () => {
    assert.deepEqual(
      read([]).map(({ kind, push }) => [kind, push]),
      [['image', false]],
    )
    assert.deepEqual(
      read(['out'], { push: true, names: ['a'] }).map(({ kind, push }) => [kind, push]),
      [
        ['local', false],
        ['registry', true],
      ],
    )
    assert.throws(() => read([], { push: true }), { code: 'USAGE' })
  })
})
