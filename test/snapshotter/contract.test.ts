import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Stacking } from '../../native/requests/trees.ts'
import { chainIDOf, EMPTY_DIFF_ID } from '../../registry/oci/chain-id.ts'
import type { LayerBlob } from '../../snapshotter/snapshotter.ts'
import { type Bench, change, missingForSnapshots, openBench, seal, shell } from './bench.ts'
import type { TestEntry } from './layers.ts'

const dir = (path: string, more: Partial<TestEntry> = {}): TestEntry => ({ path, type: 'directory', ...more })
/** VFS_CAP_REVISION_2 | effective, cap_net_raw permitted: capabilities(7). */
const CAPABILITY = '\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
/** Everything that a tree says, a line a file; left out are the root, the sandbox's own mounts, and link counts of directories (overlayfs makes them up). */
const EVERYTHING = `find . -xdev -mindepth 1 ! -path './proc*' ! -path './sys*' ! -path './dev*' ! -path ./etc/hosts ! -path ./etc/resolv.conf | sort | while read -r name; do
  stat -c '%N %f %u %g %t %T %y' "$name"
  [ -d "$name" ] || stat -c '%h' "$name"
  if [ -f "$name" ]; then md5sum "$name"; fi
done`

const VARIANTS: readonly { name: string; stacking: Stacking; env: Record<string, string> }[] = [
  { name: 'overlay', stacking: 'overlay', env: {} },
  { name: 'overlay by mount(2)', stacking: 'overlay', env: { TSBUILD_OVERLAY_MOUNT: 'string' } },
  { name: 'copy', stacking: 'copy', env: {} },
]

for (const { name, stacking, env } of VARIANTS) {
  describe(`snapshots, ${name}`, function () {
    this.timeout(60_000)
    let bench: Bench
    let base: LayerBlob

    before(async function () {
      if (missingForSnapshots() !== undefined) return this.skip()
      bench = await openBench(stacking, env)
      base = await bench.layers.shell()
    })
    after(() => bench?.close())

    /** Name, the layer below the step, the step, the entries expected. */
    const CASES: readonly [string, readonly TestEntry[], string, readonly string[]][] = [
      ['gives nothing for a step that only looks', [], 'true', []],
      ['gives nothing for a mode that is changed and changed back', [{ path: 'f' }], 'chmod 600 f; chmod 644 f', []],
      ['gives nothing for a file that is opened for writing only', [{ path: 'f', content: 'x' }], ': >> f', []],
      [
        'gives nothing for a name moved away and back',
        [{ path: 'd/f', content: 'x' }, dir('d')],
        'touch -r d t; mv d/f g; mv g d/f; touch -r t d; rm t',
        [],
      ],
      [
        'takes a new file with the directories above it',
        [dir('d'), dir('d/e')],
        'touch -r d/e t; echo 1 > d/e/f; touch -r t d/e; rm t',
        ['d755 0:0 d', 'd755 0:0 d/e', '-644 0:0 d/e/f'],
      ],
      [
        'takes content of the same size and time',
        [{ path: 'f', content: 'a' }],
        'touch -r f t; printf b > f; touch -r t f; rm t',
        ['-644 0:0 f'],
      ],
      ['takes a mode, set-id and sticky bits included', [{ path: 'f' }], 'chmod 6755 f; mkdir -m 1777 d', ['d1777 0:0 d', '-6755 0:0 f']],
      ['takes an owner', [{ path: 'f' }, { path: 'l', type: 'symlink', link: 'x' }], 'chown 7:8 f', ['-644 7:8 f']],
      ['takes a deleted name as a whiteout', [{ path: 'f' }, dir('d'), { path: 'd/g' }], 'rm f; rm -r d', ['-0 0:0 .wh.d', '-0 0:0 .wh.f']],
      [
        'puts whiteouts before the names beside them',
        [dir('d'), { path: 'd/b' }, { path: 'd/z' }],
        'rm d/z d/b; touch d/+ d/a',
        ['d755 0:0 d', '-0 0:0 d/.wh.b', '-0 0:0 d/.wh.z', '-644 0:0 d/+', '-644 0:0 d/a'],
      ],
      ['gives nothing for a name that came and went', [dir('d')], 'touch -r d t; touch d/f; rm d/f; touch -r t d; rm t', []],
      ['takes a file made anew as a file', [{ path: 'f', content: 'x' }], 'rm f; echo y > f; chmod 640 f', ['-640 0:0 f']],
      [
        'takes a directory made anew as opaque',
        [dir('d'), { path: 'd/old' }, dir('d/sub')],
        'rm -r d; mkdir d; touch d/new; mkdir d/sub',
        ['d755 0:0 d', '-0 0:0 d/.wh..wh..opq', '-644 0:0 d/new', 'd755 0:0 d/sub'],
      ],
      ['takes a file in the place of a directory', [dir('d'), { path: 'd/f' }], 'rm -r d; touch d', ['-644 0:0 d']],
      ['takes a directory in the place of a file', [{ path: 'd' }], 'rm d; mkdir d; touch d/f', ['d755 0:0 d', '-644 0:0 d/f']],
      ['takes a moved directory as new', [dir('d'), { path: 'd/f' }], 'mv d e', ['-0 0:0 .wh.d', 'd755 0:0 e', '-644 0:0 e/f']],
      ['takes new hard links as one file', [], 'echo 1 > b; ln b a; ln b c', ['-644 0:0 a', 'h b -> a', 'h c -> a']],
      ['takes a link to a file from below with that file', [{ path: 'f', content: 'x' }], 'ln f a', ['-644 0:0 a', 'h f -> a']],
      ['takes symlinks and fifos', [dir('d')], 'ln -s ../x d/l; mkfifo -m 600 d/p', ['d755 0:0 d', 'l d/l -> ../x', 'p600 0:0 d/p']],
      ['takes a changed symlink', [{ path: 'l', type: 'symlink', link: 'a' }], 'ln -sfn b l', ['l l -> b']],
      [
        'takes any byte in a name',
        [{ path: 'o/caf\xe9\n' }, dir('o')],
        'for f in o/*; do chmod 600 "$f"; done; touch "$(printf \'o/\\377 \\t\')"',
        ['d755 0:0 o', '-600 0:0 o/caf\xe9\n', '-644 0:0 o/\xff \t'],
      ],
      ['takes the metadata of the root', [], 'chmod 711 /; chmod 711 tmp', ['d711 0:0 ', 'd711 0:0 tmp']],
      [
        'keeps a device node a device node',
        [dir('n'), { path: 'n/null', type: 'char', mode: 0o666, rdev: [1, 3] }, { path: 'n/b', type: 'block', rdev: [8, 0] }],
        'chmod 600 n/null',
        ['d755 0:0 n', 'c600 0:0 n/null 1,3'],
      ],
      ['takes a deleted device node as a whiteout', [{ path: 'null', type: 'char', rdev: [1, 3] }], 'rm null', ['-0 0:0 .wh.null']],
      [
        'takes a file written in the place of a device node as a file',
        [{ path: 'null', type: 'char', rdev: [1, 3] }],
        'rm null; touch null',
        ['-644 0:0 null'],
      ],
      [
        'keeps owners that do not exist here',
        [{ path: 'f', uid: 4_000_000_000, mode: 0o600 }, dir('d', { uid: 4_000_000_001 })],
        'chmod 640 f; touch d/g',
        ['d755 4000000001:4000000001 d', '-644 0:0 d/g', '-640 4000000000:4000000000 f'],
      ],
      ['takes a file made anew where the owner did not exist', [{ path: 'f', uid: 4_000_000_000 }], 'cp f g; mv g f', ['-644 0:0 f']],
      ['takes the bare mtime of a file', [{ path: 'f' }], 'touch f', ['-644 0:0 f']],
    ]
    for (const [title, below, script, expected] of CASES) {
      it(title, async () => {
        const layers = below.length === 0 ? [base] : [base, await bench.layers.layer(...below)]
        // The root's own entries first: directories before what is in them, whatever the order above.
        const { lines } = await change(bench, layers, script)
        assert.deepEqual(lines, expected)
      })
    }

    it('keeps nanoseconds of what a step did not date', async () => {
      const layers = [base, await bench.layers.layer({ path: 'f', nanoseconds: 123_456_789 })]
      const { entries } = await change(bench, layers, 'chmod 600 f')
      assert.deepEqual(
        entries.map((entry) => entry.nanoseconds),
        [123_456_789],
      )
    })

    it('keeps user xattrs and file capabilities, the latter as revision 2', async () => {
      const xattrs = { 'security.capability': CAPABILITY, 'user.note': 'caf\xe9' }
      const layers = [base, await bench.layers.layer({ path: 'f', mode: 0o755, content: 'x', xattrs })]
      const { entries } = await change(bench, layers, 'chmod 700 f')
      assert.deepEqual(
        entries.map((entry) => entry.xattrs),
        [xattrs],
      )
    })

    it('leaves sockets out', async () => {
      await using active = await bench.snapshots.begin([base])
      const [id] = (await readdir(join(bench.root, 'steps'))).filter((entry) => !entry.endsWith('.lock'))
      const server = createServer().listen(join(bench.root, 'steps', id ?? '', 'fs', 'tmp-socket'))
      await new Promise((resolve) => server.once('listening', resolve))
      assert.deepEqual((await seal(bench, active)).lines, [])
      server.close()
    })

    it('refuses a file whose name means a deleted one', async () => {
      await using active = await bench.snapshots.begin([base])
      await shell(active, 'touch .wh.f')
      await assert.rejects(seal(bench, active), { code: 'LAYER_NAME', message: 'no layer can hold a file named ".wh.f"' })
    })

    it('lets overlay xattrs of a layer have no effect', async () => {
      const hostile = {
        'user.overlay.opaque': 'y',
        'trusted.overlay.opaque': 'y',
        'user.overlay.redirect': '/bin',
        'user.overlay.metacopy': '',
      }
      const below = await bench.layers.layer(dir('d'), { path: 'd/seen', content: '1' })
      const above = await bench.layers.layer(dir('d', { xattrs: hostile }), { path: 'd/f', content: '2', xattrs: hostile })
      await using active = await bench.snapshots.begin([base, below, above])
      assert.equal(await shell(active, 'cat d/seen d/f'), '12')
    })

    it('applies whiteouts, opaque directories and links of later layers', async () => {
      const below = await bench.layers.layer(dir('d'), { path: 'd/a' }, dir('o'), { path: 'o/a' }, { path: 'f', content: 'x' })
      const above = await bench.layers.layer(
        dir('d'),
        { path: 'd/.wh.a', mode: 0 },
        dir('o'),
        { path: 'o/.wh..wh..opq', mode: 0 },
        { path: 'o/b' },
        { path: 'g', type: 'hardlink', link: 'f' },
      )
      await using active = await bench.snapshots.begin([base, below, above])
      assert.equal(await shell(active, "find d o | sort; stat -c '%h' f g; cat g"), 'd\no\no/b\n2\n2\nx')
    })

    it('runs again in one tree, and seals both', async () => {
      await using active = await bench.snapshots.begin([base])
      await shell(active, 'touch a')
      await shell(active, 'touch b')
      assert.deepEqual((await seal(bench, active)).lines, ['-644 0:0 a', '-644 0:0 b'])
      await shell(active, 'touch c')
      assert.deepEqual((await seal(bench, active)).lines, ['-644 0:0 a', '-644 0:0 b', '-644 0:0 c'])
    })

    it('gives the same tree when it is kept as when it is unpacked', async () => {
      const below = await bench.layers.layer(
        dir('u'),
        { path: 'u/f', content: 'f', nanoseconds: 5, xattrs: { 'user.a': 'b' } },
        { path: 'u/h', type: 'hardlink', link: 'u/f' },
        dir('v', { mode: 0 }),
        { path: 'v/null', type: 'char', rdev: [1, 3] },
        { path: 'v/far', uid: 4_000_000_000 },
        { path: 'w', mode: 0o4711, uid: 33 },
      )
      const layers = [base, below]
      await using first = await bench.snapshots.begin(layers)
      await shell(
        first,
        'rm u/h; echo g > u/g; ln u/g u/k; mkdir -p n/e; ln -s g u/s; mkfifo u/p; chmod 755 v; chown 5 v/null; rm -r tmp; mkdir tmp; touch n/e/x',
      )
      const { blob, sealed } = await seal(bench, first)
      assert.ok(blob)
      const chain = [...layers, blob]
      const name = chainIDOf(chain.map((layer) => layer.diffID))
      assert.ok(name)
      await first.keep(name)
      assert.ok(existsSync(join(bench.root, 'snapshots', stacking === 'copy' ? 'test-copy' : 'test', name.slice(7), 'meta')))
      const texts: string[] = []
      const resealed: unknown[] = []
      for (let i = 0; i < 2; i++) {
        await using active = await bench.snapshots.begin(chain)
        texts.push(await shell(active, EVERYTHING))
        await shell(active, 'chmod 600 v/null v/far w u/g')
        resealed.push((await seal(bench, active)).sealed)
        await bench.snapshots.remove([name])
      }
      assert.equal(texts[0], texts[1])
      assert.deepEqual(resealed[0], resealed[1])
      assert.equal(sealed.kind, 'layer')
    })

    it('keeps holes', async () => {
      const layers = [base, await bench.layers.layer({ path: 'f', content: Buffer.alloc(4 << 20) })]
      await using active = await bench.snapshots.begin(layers)
      const [size, blocks] = (await shell(active, "stat -c '%s %b' f")).split(' ').map(Number)
      assert.equal(size, 4 << 20)
      assert.ok(blocks !== undefined && blocks < 64, `${blocks} blocks of 512 bytes`)
    })

    it('takes empty layers as nothing to stack', async () => {
      const empty = { diffID: EMPTY_DIFF_ID, path: '/nowhere', codec: 'none' } as const
      await using active = await bench.snapshots.begin([base, empty, await bench.layers.layer({ path: 'f' }), empty])
      assert.equal(await shell(active, 'find f'), 'f\n')
    })

    it('begins from nothing', async () => {
      await using active = await bench.snapshots.begin([])
      assert.deepEqual(await seal(bench, active).then(({ lines }) => lines), [])
    })

    it('removes trees with closed directories and owners of any kind', async () => {
      const active = await bench.snapshots.begin([base])
      await shell(active, 'mkdir -p d/e/f; touch d/e/f/g; chown -R 1234:4321 d; chmod 0 d/e/f d/e d')
      await active[Symbol.asyncDispose]()
      assert.deepEqual(await readdir(join(bench.root, 'steps')), [])
    })
  })
}
