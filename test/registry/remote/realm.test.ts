import assert from 'node:assert/strict'
import { checkRealm } from '../../../registry/remote/realm.ts'

describe('checkRealm', () => {
  for (const [registry, realm, trusted] of [
    ['https://registry-1.docker.io', 'https://auth.docker.io/token', true],
    ['https://ghcr.io', 'https://ghcr.io/token', true],
    ['https://registry.gitlab.com', 'https://gitlab.com/jwt/auth', true],
    ['https://registry.corp.example.com', 'https://sso.example.com/token', true],
    ['https://localhost:5000', 'https://127.0.0.1:5001/token', true],
    ['http://10.0.0.1:5000', 'http://10.0.0.1:5001/token', true],
    ['http://10.0.0.1:5000', 'http://10.0.0.2:5000/token', false],
    ['https://registry.example.com', 'https://example.org/token', false],
    ['https://ghcr.io', 'https://auth.docker.io/token', false],
    ['https://docker.io.evil.com', 'https://auth.docker.io/token', false],
    ['https://a.co.uk', 'https://b.co.uk/token', false],
    ['https://r.a.co.uk', 'https://auth.a.co.uk/token', true],
    ['https://mine.azurecr.io', 'https://yours.azurecr.io/token', false],
    ['https://1.dkr.ecr.eu-west-1.amazonaws.com', 'https://evil.s3.amazonaws.com/token', false],
    ['https://mine.github.io', 'https://yours.github.io/token', false],
    ['https://corp', 'https://other/token', false],
  ] as [string, string, boolean][]) {
    it(`${trusted ? 'trusts' : 'does not trust'} ${new URL(realm).host} for ${new URL(registry).host}`, () => {
      assert.equal(checkRealm(new URL(registry), realm).trusted, trusted)
    })
  }

  it('trusts what the user says, and drops a user name in the URL', () => {
    const { url, trusted } = checkRealm(new URL('https://a.com'), 'https://x:y@auth.b.com/token#z', ['auth.b.com'])
    assert.deepEqual([url.href, trusted], ['https://auth.b.com/token', true])
  })

  for (const realm of ['http://a.com/token', 'file:///etc/passwd', 'token', '', 'https://']) {
    it(`refuses ${realm || 'nothing'} for an https registry`, () => {
      assert.throws(() => checkRealm(new URL('https://a.com'), realm), { code: 'REALM_REFUSED' })
    })
  }
})
