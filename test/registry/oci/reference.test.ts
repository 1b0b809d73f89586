import assert from 'node:assert/strict'
import { digestOf } from '../../../registry/oci/digest.ts'
import { hasCode } from '../../../registry/oci/error.ts'
import { familiarReference, formatReference, parseReference, withDefaultTag } from '../../../registry/oci/reference.ts'

const DIGEST = digestOf('x')
const SHA512 = digestOf('x', 'sha512')

describe('parseReference', () => {
  for (const [text, registry, repository, tag, digest] of [
    ['ubuntu', 'docker.io', 'library/ubuntu'],
    ['ubuntu:24.04', 'docker.io', 'library/ubuntu', '24.04'],
    ['user/app', 'docker.io', 'user/app'],
    ['a', 'docker.io', 'library/a'],
    ['docker.io/ubuntu', 'docker.io', 'library/ubuntu'],
    ['index.docker.io/ubuntu', 'docker.io', 'library/ubuntu'],
    ['registry-1.docker.io/library/ubuntu', 'docker.io', 'library/ubuntu'],
    ['localhost/app', 'localhost', 'app'],
    ['localhost:5000/app', 'localhost:5000', 'app'],
    ['localhost:5000/app:v1', 'localhost:5000', 'app', 'v1'],
    ['127.0.0.1:5000/a/b/c', '127.0.0.1:5000', 'a/b/c'],
    ['[::1]:5000/app', '[::1]:5000', 'app'],
    ['[2001:db8::1]/app:t', '[2001:db8::1]', 'app', 't'],
    ['HOST/app', 'HOST', 'app'],
    ['ghcr.io/o/p', 'ghcr.io', 'o/p'],
    ['a.b-c.d:443/e', 'a.b-c.d:443', 'e'],
    ['app:5000', 'docker.io', 'library/app', '5000'],
    ['x/y__z/a-b--c.d_e', 'docker.io', 'x/y__z/a-b--c.d_e'],
    ['app:_under.Score-1', 'docker.io', 'library/app', '_under.Score-1'],
    [`app:${'t'.repeat(128)}`, 'docker.io', 'library/app', 't'.repeat(128)],
    [`app@${DIGEST}`, 'docker.io', 'library/app', undefined, DIGEST],
    [`r.io/app:tag@${DIGEST}`, 'r.io', 'app', 'tag', DIGEST],
    [`app@${SHA512}`, 'docker.io', 'library/app', undefined, SHA512],
  ] as const) {
    it(`takes ${text.slice(0, 60)}`, () => {
      const want = { registry, repository, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) }
      assert.deepEqual(parseReference(text), want)
    })
  }

  for (const text of [
    '',
    ':tag',
    '@sha256:00',
    'App',
    'docker.io/User/app',
    'a//b',
    '/a',
    'a/',
    'localhost:5000/',
    'a/../b',
    'a/./b',
    'a..b',
    'a__-b',
    'a/-b',
    'a/b-',
    'app:',
    'app:a b',
    'app:-x',
    'app:.x',
    `app:${'t'.repeat(129)}`,
    'app@sha256:abc',
    `app@md5:${'0'.repeat(32)}`,
    `app@${DIGEST.toUpperCase()}`,
    `app@${DIGEST}@${DIGEST}`,
    'host:port/app',
    'host:99999/app',
    'host:0/app',
    '-host.io/app',
    'user:pass@host.io/app',
    'http://host.io/app',
    'host.io/app\n',
    'host.io\n/app',
    'ünï.io/app',
    'host.io/äpp',
    `host.io/${'a'.repeat(256)}`,
    '[::1/app',
    '[zz::1]/app',
    '[:::::]/app',
  ]) {
    it(`refuses ${JSON.stringify(text.slice(0, 60))}`, () =>
      assert.throws(
        () => parseReference(text),
        (error) => hasCode(error, 'REFERENCE_INVALID'),
      ))
  }

  it('says in one line what is wrong, with the value', () => {
    assert.throws(
      () => parseReference('r.io/App\nx'),
      (error) => error instanceof Error && !error.message.includes('\n') && error.message.includes('App'),
    )
  })
})

describe('formatReference', () => {
  for (const text of ['docker.io/library/app:v1', `r.io:5000/a/b:t@${DIGEST}`, 'localhost/app', `[::1]:5000/a@${DIGEST}`]) {
    it(`gives back ${text.slice(0, 40)}`, () => assert.equal(formatReference(parseReference(text)), text))
  }
})

describe('familiarReference', () => {
  for (const [text, want] of [
    ['docker.io/library/app:v1', 'app:v1'],
    ['docker.io/user/app', 'user/app'],
    ['docker.io/library/a/b', 'library/a/b'],
    ['r.io/library/app', 'r.io/library/app'],
    ['localhost/app', 'localhost/app'],
  ] as const) {
    it(`shortens ${text} to ${want}`, () => {
      assert.equal(familiarReference(parseReference(text)), want)
      assert.deepEqual(parseReference(want), parseReference(text))
    })
  }
})

describe('withDefaultTag', () => {
  it('adds latest where there is neither tag nor digest', () => {
    assert.equal(withDefaultTag(parseReference('app')).tag, 'latest')
    assert.equal(withDefaultTag(parseReference('app:v1')).tag, 'v1')
    assert.equal(withDefaultTag(parseReference(`app@${DIGEST}`)).tag, undefined)
  })
})
