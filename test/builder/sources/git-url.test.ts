import assert from 'node:assert/strict'
import { readGitUrl } from '../../../builder/sources/git-url.ts'

describe('readGitUrl', () => {
  const plain = {
    ref: undefined,
    subdir: '',
    checksum: undefined,
    keepGitDir: undefined,
    submodules: true,
    mtime: undefined,
    fetchByCommit: false,
  }
  const https = (url: string) => ({ remote: { url, protocol: 'https', authorization: undefined } })
  for (const [text, wanted] of [
    ['https://h/a.git', https('https://h/a.git')],
    ['https://h/a.git#v1', { ...https('https://h/a.git'), ref: 'v1' }],
    ['https://h/a.git#:d/e/', { ...https('https://h/a.git'), subdir: 'd/e' }],
    ['https://h/a.git#feature/x:./d', { ...https('https://h/a.git'), ref: 'feature/x', subdir: 'd' }],
    ['https://h/a.git?tag=v1&keep-git-dir', { ...https('https://h/a.git'), ref: 'refs/tags/v1', keepGitDir: true }],
    [
      'https://h/a.git?branch=b&submodules=0&mtime=checkout',
      { ...https('https://h/a.git'), ref: 'refs/heads/b', submodules: false, mtime: 'checkout' },
    ],
    [`https://h/a.git?commit=${'ab'.repeat(20)}`, { ...https('https://h/a.git'), ref: 'ab'.repeat(20), checksum: 'ab'.repeat(20) }],
    ['https://h/a.git?commit=abcd', { ...https('https://h/a.git'), checksum: 'abcd' }],
    [
      'https://u:p%40@h/a.git',
      { remote: { url: 'https://h/a.git', protocol: 'https', authorization: `Basic ${Buffer.from('u:p@').toString('base64')}` } },
    ],
    ['git@h:a/b.git#r:s', { remote: { url: 'git@h:a/b.git', protocol: 'ssh', authorization: undefined }, ref: 'r', subdir: 's' }],
    [
      'git@h:a/b.git?subdir=/s&tag=t',
      { remote: { url: 'git@h:a/b.git', protocol: 'ssh', authorization: undefined }, ref: 'refs/tags/t', subdir: 's' },
    ],
    ['ssh://git@h:22/a.git', { remote: { url: 'ssh://git@h:22/a.git', protocol: 'ssh', authorization: undefined } }],
    ['git://h/a', { remote: { url: 'git://h/a', protocol: 'git', authorization: undefined } }],
    ['http://127.0.0.1:1/a.git', { remote: { url: 'http://127.0.0.1:1/a.git', protocol: 'http', authorization: undefined } }],
  ] as const)
    it(`reads ${text}`, () => assert.deepEqual(readGitUrl(text), { ...plain, ...wanted }))

  for (const text of [
    'ext::sh -c id',
    'ext::sh%20-c%20id',
    'file:///etc',
    '/etc',
    '-c',
    '--upload-pack=id',
    'ssh://-oProxyCommand=id/x',
    'ssh://-u@h/x',
    'ssh://h/-x',
    '-u@h:x',
    'u@-h:x',
    'u@h:-x',
    'u@h::x',
    'https://h/a\n.git',
    'https://h/a.git#-x',
    'https://h/a.git#a..b',
    'https://h/a.git#a b',
    'https://h/a.git#a:../b',
    'https://h/a.git#@{-1}',
    'https://h/a.git#x.lock',
    'https://h/a.git?nosuch=1',
    'https://h/a.git?ref=a&ref=b',
    'https://h/a.git?ref=a#b',
    'https://h/a.git?subdir=a#:b',
    'https://h/a.git?tag=a&branch=a',
    'https://h/a.git?checksum=xyz1',
    'https://h/a.git?checksum=abcd&commit=abce',
    'https://h/a.git?mtime=now',
    'https://h/a.git?submodules=maybe',
    'https://h/a.git?fetch-by-commit=1',
    `https://h/a.git?checksum=abcd#${'1'.repeat(40)}`,
  ])
    it(`refuses ${JSON.stringify(text)}`, () => assert.throws(() => readGitUrl(text), { code: 'GIT_URL' }))
})
