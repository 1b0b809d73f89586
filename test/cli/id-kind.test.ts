import assert from 'node:assert/strict'
import { guessIdKind, type IdSource, idKindOf } from '../../cli/id-kind.ts'

const ALL = '         0          0 4294967295\n'
const FILES: Readonly<Record<string, string>> = {
  '/proc/self/uid_map': ALL,
  '/etc/passwd': 'root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n',
  '/etc/subuid': 'ann:100000:65536\n',
  '/etc/subgid': '1000:100000:65536\n',
}

interface Change {
  readonly files?: Readonly<Record<string, string | undefined>>
  readonly uid?: number
  readonly ids?: string
  readonly programs?: readonly string[]
}

function guess({ files = {}, uid = 1000, ids, programs = ['/usr/bin/newuidmap', '/usr/bin/newgidmap'] }: Change) {
  const all = { ...FILES, ...files }
  const source: IdSource = { ids, uid, text: (path) => all[path], isProgram: (path) => programs.includes(path) }
  return guessIdKind(source)
}

describe('guessIdKind', () => {
  for (const [what, change, kind] of [
    ['a user with ranges', {}, ''],
    ['a user without a range of uids', { files: { '/etc/subuid': 'bob:100000:65536\n' } }, 'single'],
    ['a user without a range of gids', { files: { '/etc/subgid': undefined } }, 'single'],
    ['a user with an empty range', { files: { '/etc/subuid': 'ann:100000:0\n' } }, 'single'],
    ['a user whose name only begins as another', { files: { '/etc/subuid': 'anna:100000:65536\n' } }, 'single'],
    ['a user that no passwd names, with a range by number', { files: { '/etc/passwd': '', '/etc/subuid': '1000:1:2\n' } }, ''],
    ['a user on a machine without uidmap', { programs: [] }, 'single'],
    ['a user who asks for one id', { ids: 'single' }, 'single'],
    ['root', { uid: 0 }, ''],
    ['root who asks for one id', { uid: 0, ids: 'single' }, 'single'],
    ['root of a namespace with one id', { uid: 0, files: { '/proc/self/uid_map': '0 1000 1\n' } }, 'single'],
  ] as const)
    it(`is ${kind === '' ? 'all ids' : 'a single id'} for ${what}`, () => assert.equal(guess(change), kind))
})

describe('idKindOf', () => {
  for (const [what, map, kind] of [
    ['the caller alone', '0 1000 1\n0 1000 1\n', 'single'],
    ['ranges', '0 1000 1\n1 100000 65536\n0 1000 1\n1 100000 65536\n', ''],
    ['all ids', ALL + ALL, ''],
  ] as const)
    it(`reads a map of ${what}`, () => assert.equal(idKindOf(map), kind))
})
