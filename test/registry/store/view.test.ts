import assert from 'node:assert/strict'
import { hasCode } from '../../../registry/oci/error.ts'
import type { MergedView } from '../../../registry/store/view.ts'
import { dir, type EntrySpec, file, hardlink, symlink, viewOf } from './tocs.ts'

const walk = (view: MergedView, from = '') => [...view.under(from)].map((node) => `${node.path}${node.type === 'directory' ? '/' : ''}`)

describe('MergedView', () => {
  for (const [what, layers, want] of [
    [
      'an upper layer over a lower one',
      [
        [file('a'), file('b')],
        [file('b'), file('c')],
      ],
      ['a', 'b', 'c'],
    ],
    [
      'directories of both',
      [
        [dir('d'), file('d/a')],
        [dir('d'), file('d/b')],
      ],
      ['d/', 'd/a', 'd/b'],
    ],
    ['a whiteout', [[dir('d'), file('d/a'), file('d/b')], [file('d/.wh.a')]], ['d/', 'd/b']],
    ['a whiteout of a directory', [[dir('d'), file('d/a')], [file('.wh.d')]], []],
    [
      'a whiteout and something new in its place',
      [
        [dir('d'), file('d/a')],
        [file('.wh.d'), dir('d'), file('d/n')],
      ],
      ['d/', 'd/n'],
    ],
    [
      'a whiteout whatever its place in the tar',
      [
        [dir('d'), file('d/a')],
        [dir('d'), file('d/a'), file('d/.wh.a')],
      ],
      ['d/', 'd/a'],
    ],
    [
      'an opaque directory',
      [
        [dir('d'), file('d/a')],
        [dir('d'), file('d/b'), file('d/.wh..wh..opq')],
      ],
      ['d/', 'd/b'],
    ],
    ['an opaque root', [[file('a')], [file('.wh..wh..opq'), file('b')]], ['b']],
    [
      'an opaque directory above another',
      [
        [dir('d'), dir('d/e'), file('d/e/a')],
        [file('d/.wh..wh..opq'), file('d/e/b')],
      ],
      ['d/', 'd/e/', 'd/e/b'],
    ],
    ['a file in place of a directory', [[dir('d'), file('d/a')], [file('d')]], ['d']],
    ['a directory again, three layers up', [[dir('d'), file('d/a')], [file('d')], [dir('d'), file('d/b')]], ['d/', 'd/b']],
    ['a directory in place of a file', [[file('d')], [dir('d'), file('d/a')]], ['d/', 'd/a']],
    ['a file deleted and made again', [[file('a')], [file('.wh.a')], [file('a')]], ['a']],
    ['directories that no layer has an entry of', [[file('x/y/z')]], ['x/', 'x/y/', 'x/y/z']],
    [
      'an entry below a link to a directory',
      [[dir('usr'), dir('usr/lib'), symlink('lib', 'usr/lib')], [file('lib/x')]],
      ['lib', 'usr/', 'usr/lib/', 'usr/lib/x'],
    ],
    ['a link and an entry below it in one layer', [[dir('b'), symlink('a', 'b'), file('a/x')]], ['a', 'b/', 'b/x']],
    [
      'a directory that takes the place of a link',
      [
        [dir('usr'), symlink('lib', 'usr')],
        [dir('lib'), file('lib/x')],
      ],
      ['lib/', 'lib/x', 'usr/'],
    ],
    [
      'names in the order of their bytes',
      [[file('b'), file('\xff'), file('B'), file('a-'), dir('a'), file('a/z')]],
      ['B', 'a/', 'a/z', 'a-', 'b', '\xff'],
    ],
    ['a file that takes the place of a directory in one layer', [[dir('d'), file('d/a'), file('d')]], ['d']],
    ['a file that takes the place of an implied directory', [[file('d/a'), file('d')]], ['d']],
    ['nothing below a file', [[file('d'), file('d/a')]], ['d']],
    [
      'an entry at the top after deep ones',
      [
        [dir('d'), file('d/a'), file('e')],
        [file('d/b'), file('f')],
      ],
      ['d/', 'd/a', 'd/b', 'e', 'f'],
    ],
    ['a bare .wh. as nothing', [[file('.wh.'), file('a')]], ['a']],
  ] as [string, EntrySpec[][], string[]][]) {
    it(`shows ${what}`, () => assert.deepEqual(walk(viewOf(...layers)), want))
  }

  it('gives each node the layer and entry it comes from', () => {
    const view = viewOf([file('a', 'one'), file('b', 'two')], [file('a', 'three')])
    assert.deepEqual([view.at('a')?.layer, view.at('a')?.entry.size], [1, 5])
    assert.deepEqual([view.at('b')?.layer, view.at('b')?.entry.size], [0, 3])
  })
  it('takes the metadata of a directory from the topmost layer that has an entry of it', () => {
    const view = viewOf([dir('d', 0o700)], [dir('d', 0o750)], [file('d/x')])
    assert.equal(view.at('d')?.entry.mode, 0o750)
  })
  it('has a root without any layer', () => assert.equal(viewOf().at('')?.type, 'directory'))
  it('takes the root entry of a layer', () => assert.equal(viewOf([dir('', 0o711)]).at('')?.entry.mode, 0o711))
  it('has nothing under a file that took the place of its directory', () => {
    assert.equal(viewOf([dir('d'), file('d/a'), file('d')]).at('d/a'), undefined)
    assert.equal(viewOf([dir('d'), file('d/a')], [file('d')]).at('d/a'), undefined)
  })
  it('does not show whiteouts', () => assert.equal(viewOf([file('a')], [file('.wh.a')]).at('.wh.a'), undefined))
  it('has no children of a file', () => assert.deepEqual(viewOf([file('a')]).children('a'), []))

  it('takes hard links for the file they name', () => {
    const view = viewOf([file('a', 'text'), hardlink('b', 'a'), hardlink('c', 'b')])
    assert.equal(view.at('c')?.type, 'file')
    assert.equal(view.at('c')?.entry, view.at('a')?.entry)
    assert.equal(view.at('c')?.path, 'c')
  })
  it('finds the target of a hard link in a lower layer', () => {
    const view = viewOf([file('a', 'text')], [hardlink('b', 'a'), file('.wh.a')])
    assert.deepEqual([view.at('b')?.layer, view.at('b')?.entry.size, view.at('a')], [0, 4, undefined])
  })
  for (const [what, entries] of [
    ['itself', [hardlink('a', 'a')]],
    ['nothing', [hardlink('a', 'x')]],
    ['one that links back', [hardlink('a', 'b'), hardlink('b', 'a')]],
  ] as const) {
    it(`shows nothing for a hard link to ${what}`, () => assert.equal(viewOf([...entries]).at('a'), undefined))
  }

  const tree = [
    dir('usr'),
    dir('usr/bin'),
    file('usr/bin/sh'),
    symlink('bin', 'usr/bin'),
    symlink('abs', '/usr/bin/sh'),
    symlink('up', '../../../usr'),
  ]
  const links = [
    symlink('l1', 'l2'),
    symlink('l2', 'l1'),
    symlink('usr/rel', 'bin/../bin/sh'),
    symlink('usr/bin/abs', '/bin/sh'),
    symlink('dangling', 'usr/none/x'),
  ]
  const view = viewOf([...tree, ...links])
  for (const [path, want, exists] of [
    ['bin/sh', 'usr/bin/sh', true],
    ['/bin//./sh', 'usr/bin/sh', true],
    ['abs', 'usr/bin/sh', true],
    ['up/bin/sh', 'usr/bin/sh', true],
    ['usr/rel', 'usr/bin/sh', true],
    ['usr/bin/abs', 'usr/bin/sh', true],
    ['../../bin', 'usr/bin', true],
    ['bin/..', 'usr', true],
    ['', '', true],
    ['/', '', true],
    ['dangling', 'usr/none/x', false],
    ['bin/new/deep', 'usr/bin/new/deep', false],
  ] as const) {
    it(`resolves ${JSON.stringify(path)} to ${JSON.stringify(want)}`, () => {
      const resolved = view.resolve(path)
      assert.deepEqual([resolved.path, resolved.node !== undefined, resolved.obstacle], [want, exists, undefined])
    })
  }
  it('leaves the last link when asked to', () => {
    assert.equal(view.resolve('bin', { followLast: false }).path, 'bin')
    assert.equal(view.resolve('up/bin/sh', { followLast: false }).path, 'usr/bin/sh')
    assert.equal(view.resolve('bin/', { followLast: false }).path, 'usr/bin')
  })
  it('says which file is in the way', () => {
    const resolved = view.resolve('bin/sh/x')
    assert.deepEqual([resolved.node, resolved.obstacle?.path], [undefined, 'usr/bin/sh'])
    assert.equal(view.resolve('bin/sh/..').obstacle?.path, 'usr/bin/sh')
  })
  for (const path of ['l1', 'l1/x']) {
    it(`gives up on the loop at ${path}`, () =>
      assert.throws(
        () => view.resolve(path),
        (error) => hasCode(error, 'PATH_LOOP'),
      ))
  }

  it('reads a small file', async () => {
    const passwd = viewOf([dir('etc'), file('etc/passwd', 'root:x:0:0')])
    const node = passwd.resolve('/etc/passwd').node
    assert.ok(node)
    assert.equal(Buffer.from(await passwd.readFile(node, 100)).toString(), 'root:x:0:0')
    await assert.rejects(passwd.readFile(node, 5), (error) => hasCode(error, 'FILE_TOO_LARGE'))
  })
  it('reads an empty file', async () => {
    const empty = viewOf([file('e')])
    const node = empty.at('e')
    assert.ok(node)
    assert.equal((await empty.readFile(node, 0)).length, 0)
  })
})
