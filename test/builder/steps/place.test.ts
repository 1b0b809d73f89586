import assert from 'node:assert/strict'
import { readMode } from '../../../builder/dockerfile/mode.ts'
import { Placement } from '../../../builder/steps/place.ts'
import { select } from '../../../builder/steps/select.ts'
import { type Sketch, treeOf } from '../../../fixtures/trees.ts'

const time = { seconds: 77, nanoseconds: 0 }

/** `path type mode uid:gid mtime [link]` of each entry that a COPY of `sources` makes. */
async function copy(
  from: Sketch,
  sources: string[],
  destination: string,
  target: Sketch,
  options: { owner?: { uid: number; gid: number }; chmod?: string; parents?: boolean } = {},
) {
  const tree = treeOf(from)
  const placement = new Placement(treeOf(target), {
    owner: options.owner,
    chmod: options.chmod === undefined ? undefined : readMode(options.chmod),
    time,
  })
  for (const selection of await select(tree, sources, options)) await placement.copy(tree, selection, destination)
  return placement
    .entries()
    .map((e) => `${e.path} ${e.type} ${e.mode.toString(8)} ${e.uid}:${e.gid} ${e.mtime.seconds}${e.link === '' ? '' : ` ${e.link}`}`)
}

describe('COPY', () => {
  const rows: [name: string, from: Sketch, sources: string[], destination: string, target: Sketch, want: string[]][] = [
    ['puts a file under a new name', { a: 'x' }, ['a'], '/b', {}, ['b file 644 0:0 1000']],
    [
      'puts a file into a directory that is there',
      { a: 'x' },
      ['a'],
      '/d',
      { d: { type: 'directory', mode: 0o1777, uid: 5, gid: 6 } },
      ['d directory 1777 5:6 1000', 'd/a file 644 0:0 1000'],
    ],
    [
      'makes the directory for a trailing slash',
      { a: 'x' },
      ['a'],
      '/d/e/',
      {},
      ['d directory 755 0:0 77', 'd/e directory 755 0:0 77', 'd/e/a file 644 0:0 1000'],
    ],
    [
      'gives the contents of a directory',
      { 'd/a': 'x', 'd/s/b': 'y' },
      ['d'],
      '/o',
      {},
      ['o directory 755 0:0 1000', 'o/a file 644 0:0 1000', 'o/s directory 755 0:0 1000', 'o/s/b file 644 0:0 1000'],
    ],
    [
      'makes the top directory as root, 0755, with the time of the source',
      { d: { type: 'directory', mode: 0o700, uid: 5, gid: 6 }, 'd/s': { type: 'directory', mode: 0o700, uid: 5, gid: 6 } },
      ['d'],
      '/o',
      {},
      ['o directory 755 0:0 1000', 'o/s directory 700 5:6 1000'],
    ],
    [
      'keeps mode and owner of the top directory that is there, with the time of the source',
      { 'd/a': 'x' },
      ['d'],
      '/o',
      { o: { type: 'directory', mode: 0o700, uid: 9, gid: 9, mtime: { seconds: 5, nanoseconds: 0 } } },
      ['o directory 700 9:9 1000', 'o/a file 644 0:0 1000'],
    ],
    [
      'overwrites nested directories that are there',
      { 'd/s/a': 'x' },
      ['d'],
      '/o',
      { 'o/s': { type: 'directory', mode: 0o700, uid: 9, gid: 9 } },
      ['o directory 755 0:0 1000', 'o/s directory 755 0:0 1000', 'o/s/a file 644 0:0 1000'],
    ],
    [
      'copies the whole context to the root',
      { a: 'x', 'b/c': 'y' },
      ['.'],
      '/',
      {},
      ['a file 644 0:0 1000', 'b directory 755 0:0 1000', 'b/c file 644 0:0 1000'],
    ],
    [
      'follows a link named as source, under its own name',
      { l: '->d/t', 'd/t': 'x' },
      ['l'],
      '/o/',
      {},
      ['o directory 755 0:0 77', 'o/l file 644 0:0 1000'],
    ],
    [
      'keeps links inside a directory',
      { 'd/l': '->../../etc/passwd' },
      ['d'],
      '/o',
      {},
      ['o directory 755 0:0 1000', 'o/l symlink 777 0:0 1000 ../../etc/passwd'],
    ],
    [
      'follows links of the image in the destination',
      { a: 'x' },
      ['a'],
      '/lib/a',
      { lib: '->usr/lib', 'usr/lib': null },
      ['usr directory 755 0:0 1000', 'usr/lib directory 755 0:0 1000', 'usr/lib/a file 644 0:0 1000'],
    ],
    ['never leaves the root by links of the image', { a: 'x' }, ['a'], '/out/a', { out: '->../../../..' }, ['a file 644 0:0 1000']],
    ['replaces a link of the image that has the name of the file', { a: 'x' }, ['a'], '/', { a: '->/etc/passwd' }, ['a file 644 0:0 1000']],
    [
      'lets later sources win',
      { 'd/a': 'x', 'e/a': { type: 'file', mode: 0o600 } },
      ['d', 'e'],
      '/o',
      {},
      ['o directory 755 0:0 1000', 'o/a file 600 0:0 1000'],
    ],
    ['replaces a file', { a: 'x' }, ['a'], '/a', { a: { mode: 0o600, uid: 9 } }, ['a file 644 0:0 1000']],
    ['takes a/. as the contents of a', { 'a/b': 'x' }, ['a/.'], '/o', {}, ['o directory 755 0:0 1000', 'o/b file 644 0:0 1000']],
    ['takes o/. as a directory', { a: 'x' }, ['a'], '/o/.', {}, ['o directory 755 0:0 77', 'o/a file 644 0:0 1000']],
    [
      'takes several files to a name, the last of which stays',
      { a: 'x', b: { mode: 0o600 } },
      ['a', 'b'],
      '/o',
      {},
      ['o file 600 0:0 1000'],
    ],
    [
      'takes a directory and a file into a new directory',
      { 'd/a': 'x', f: 'y' },
      ['d', 'f'],
      '/o',
      {},
      ['o directory 755 0:0 1000', 'o/a file 644 0:0 1000', 'o/f file 644 0:0 1000'],
    ],
    [
      'follows a link to a directory at the destination, whose own time is then that of the source',
      { 'd/a': 'x' },
      ['d'],
      '/l',
      { l: '->/r', r: { type: 'directory', mode: 0o700, uid: 9, mtime: { seconds: 5, nanoseconds: 0 } } },
      ['r directory 700 9:0 1000', 'r/a file 644 0:0 1000'],
    ],
    [
      'makes the file that a dangling link names',
      { a: 'x' },
      ['a'],
      '/l',
      { l: '->new/f' },
      ['new directory 755 0:0 77', 'new/f file 644 0:0 1000'],
    ],
    [
      'keeps fifos and devices',
      { p: { type: 'fifo' }, c: { type: 'char' } },
      ['p', 'c'],
      '/d/',
      {},
      ['d directory 755 0:0 77', 'd/c char 644 0:0 1000', 'd/p fifo 644 0:0 1000'],
    ],
    [
      'gives a matched link to a directory its contents',
      { 's/l': '->../d', 'd/a': 'x' },
      ['s/l*'],
      '/o/',
      {},
      ['o directory 755 0:0 1000', 'o/a file 644 0:0 1000'],
    ],
    [
      'keeps names of one file apart that are sources of their own, and links',
      {
        a: { sameFile: '1' },
        b: { sameFile: '1' },
        'd/x': { type: 'symlink', link: 'y', sameFile: '2' },
        'd/z': { type: 'symlink', link: 'y', sameFile: '2' },
      },
      ['a', 'b', 'd'],
      '/o/',
      {},
      [
        'o directory 755 0:0 1000',
        'o/a file 644 0:0 1000',
        'o/b file 644 0:0 1000',
        'o/x symlink 644 0:0 1000 y',
        'o/z symlink 644 0:0 1000 y',
      ],
    ],
    ['copies nothing for a wildcard that matches nothing', { a: 'x' }, ['*.no'], '/o/', {}, []],
    [
      'takes a matched directory whole',
      { 'dir/a': 'x', 'dir/b': 'y' },
      ['d*'],
      '/o/',
      {},
      ['o directory 755 0:0 1000', 'o/a file 644 0:0 1000', 'o/b file 644 0:0 1000'],
    ],
    ['turns a socket into an empty file', { s: { type: 'socket', mode: 0o755 } }, ['s'], '/s', {}, ['s file 755 0:0 1000']],
    [
      'keeps names of one file together',
      { 'd/b': { sameFile: '1' }, 'd/a': { sameFile: '1' }, 'd/c': { sameFile: '2' } },
      ['d'],
      '/o',
      {},
      ['o directory 755 0:0 1000', 'o/a file 644 0:0 1000', 'o/b hardlink 644 0:0 1000 o/a', 'o/c file 644 0:0 1000'],
    ],
  ]
  for (const [name, from, sources, destination, target, want] of rows) {
    it(name, async () => assert.deepEqual(await copy(from, sources, destination, target), want))
  }

  describe('--parents', () => {
    const from = { a: { type: 'directory', mode: 0o700, uid: 5, gid: 6 }, 'a/b': { type: 'directory', mode: 0o710 }, 'a/b/f': 'x' } as const
    it('gives directories on the way what they have in the source', async () => {
      const got = await copy(from, ['a/b/f'], '/d', {}, { parents: true })
      assert.deepEqual(got, [
        'd directory 755 0:0 1000',
        'd/a directory 700 5:6 1000',
        'd/a/b directory 710 0:0 1000',
        'd/a/b/f file 644 0:0 1000',
      ])
    })
    it('gives those that are there the mode alone', async () => {
      const there = { type: 'directory', mode: 0o777, uid: 9, gid: 9, mtime: { seconds: 5, nanoseconds: 0 } } as const
      const got = await copy(from, ['a/./b/f'], '/d', { d: there, 'd/b': there }, { parents: true })
      assert.deepEqual(got, ['d directory 777 9:9 1000', 'd/b directory 710 9:9 5', 'd/b/f file 644 0:0 1000'])
    })
    it('makes the destination when nothing matches', async () =>
      assert.deepEqual(await copy(from, ['a/no*'], '/d', {}, { parents: true }), ['d directory 755 0:0 1000']))
  })

  it('gives new parents the octal --chmod and the --chown owner', async () => {
    const got = await copy({ a: 'x' }, ['a'], '/d/b', {}, { owner: { uid: 3, gid: 4 }, chmod: '777' })
    assert.deepEqual(got, ['d directory 777 3:4 77', 'd/b file 777 3:4 1000'])
  })

  it('applies --chmod to files and directories but not to links', async () => {
    const got = await copy({ 'd/s/a': 'x', 'd/l': '->a' }, ['d'], '/o', {}, { chmod: 'u=rwX,go=' })
    const want = ['o directory 755 0:0 1000', 'o/l symlink 777 0:0 1000 a', 'o/s directory 700 0:0 1000', 'o/s/a file 600 0:0 1000']
    assert.deepEqual(got, want)
  })

  it('makes the top directory with the octal --chmod and the --chown owner', async () => {
    const got = await copy({ 'd/a': 'x' }, ['d'], '/o', {}, { owner: { uid: 3, gid: 4 }, chmod: '750' })
    assert.deepEqual(got, ['o directory 750 3:4 1000', 'o/a file 750 3:4 1000'])
  })

  for (const [name, from, sources, destination, target, code] of [
    ['a literal source that is not there', {}, ['a'], '/b', {}, 'COPY_SOURCE_MISSING'],
    ['a wildcard below what is not there', { a: 'x', n: '->no' }, ['a', 'n/*'], '/b/', {}, 'COPY_SOURCE_MISSING'],
    ['a directory onto a file', { 'd/a': 'x' }, ['d'], '/o', { o: 'x' }, 'COPY_NOT_DIRECTORY'],
    ['a file onto a directory inside', { 'd/a': 'x' }, ['d'], '/o', { 'o/a': null }, 'COPY_OVER_DIRECTORY'],
    ['a directory onto a link inside', { 'd/s/a': 'x' }, ['d'], '/o', { 'o/s': '->../t', t: null }, 'COPY_NOT_DIRECTORY'],
    ['a file onto a directory that has its name', { a: 'x' }, ['a'], '/o', { 'o/a': null }, 'COPY_OVER_DIRECTORY'],
    ['a file with a slash onto a file', { a: 'x' }, ['a'], '/o/', { o: 'x' }, 'COPY_NOT_DIRECTORY'],
    ['a file below a file', { a: 'x' }, ['a'], '/o/p', { o: 'x' }, 'COPY_NOT_DIRECTORY'],
    ['links of the image that run in a circle', { a: 'x' }, ['a'], '/l/a', { l: '->m', m: '->l' }, 'PATH_LOOP'],
  ] as [string, Sketch, string[], string, Sketch, string][]) {
    it(`refuses ${name}`, async () => assert.rejects(copy(from, sources, destination, target), { code }))
  }
})

describe('COPY of what means something else in a layer', () => {
  for (const name of ['.wh.bin', 'd/.wh..wh..opq', '.wh.d/x']) {
    it(`refuses ${name}`, async () => assert.rejects(copy({ [name]: 'x' }, ['.'], '/', {}), { code: 'LAYER_NAME' }))
  }
  it('gives parents 0755 when --chmod is symbolic', async () => {
    const got = await copy({ a: 'x' }, ['a'], '/p/a', {}, { chmod: 'u=rwX,go=' })
    assert.deepEqual(got, ['p directory 755 0:0 77', 'p/a file 600 0:0 1000'])
  })
})
