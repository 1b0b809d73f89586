import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { Cli, type ContextFiles } from '../../fixtures/cli.ts'
import { sha256 } from '../../fixtures/image-tree.ts'
import { tarOf } from '../../fixtures/tars.ts'

describe('tsbuild build: COPY and ADD', () => {
  let cli: Cli
  before(async () => {
    cli = await Cli.withBusybox('copy')
  })
  after(() => cli[Symbol.asyncDispose]())

  /** How the steps of a second build end, after these files of the context have changed. */
  async function endingsAfter(dockerfile: string, files: ContextFiles, changed: Readonly<Record<string, string>>): Promise<string[]> {
    const context = cli.context({ Dockerfile: dockerfile, ...files })
    await cli.build(context)
    for (const [name, content] of Object.entries(changed)) writeFileSync(join(context, name), content)
    return (await cli.build(context)).steps.map(([, ending]) => ending)
  }

  describe('--exclude', () => {
    const dockerfile = 'FROM scratch\nCOPY --exclude=*.md d /d\n'
    const files = { 'd/a': 'a', 'd/b.md': 'b' }
    it('keeps the cache when only what is excluded changes', async () =>
      assert.deepEqual(await endingsAfter(dockerfile, files, { 'd/b.md': 'other', 'd/c.md': 'new' }), ['CACHED']))
    it('does not when the rest changes', async () => assert.deepEqual(await endingsAfter(dockerfile, files, { 'd/a': 'other' }), ['DONE']))
  })

  describe('--parents', () => {
    it('keeps the cache when only others change', async () => {
      const files = { 'd/a': 'a', 'd/b': 'b', 'e/a': 'a' }
      const endings = await endingsAfter('FROM scratch\nCOPY --parents */a /x/\n', files, { 'd/b': 'other', 'd/c': 'new' })
      assert.deepEqual(endings, ['CACHED'])
    })
    it('refuses a path that is not there, at its line', async () => {
      const { stderr } = await cli.fail({ dockerfile: 'FROM scratch\nCOPY --parents d/./mian.c /x/\n', files: { 'd/main.c': 'b' } })
      assert.match(stderr, /Dockerfile:2[\s\S]*"d\/\.\/mian\.c" is not in the build context\nhint: did you mean d\/main\.c\?/)
    })
  })

  describe('--link', () => {
    const stages = (first: string) =>
      `FROM busybox AS s\nRUN echo s > /s\nFROM busybox\nENV TIME=1\nRUN ${first}\nCOPY --link a /d/\nCOPY --link --from=s /s /d/\nCOPY a /plain\n`
    it('keeps the cache when what is below changes, and the layer with it', async () => {
      const context = cli.context({ Dockerfile: stages('echo 1 > /1'), a: 'a' })
      const before = await cli.build(context)
      writeFileSync(join(context, 'Dockerfile'), stages('echo 2 > /2 && mkdir -m 700 /d'))
      const after = await cli.build(context)
      assert.deepEqual(Object.fromEntries(after.steps), {
        'RUN echo s > /s': 'CACHED',
        'RUN echo 2 > /2 && mkdir -m 700 /d': 'DONE',
        'COPY --link a /d/': 'CACHED',
        'COPY --link --from=s /s /d/': 'CACHED',
        'COPY a /plain': 'DONE',
      })
      const layers = (built: typeof before) => built.image.manifest.layers.map(({ digest }) => digest)
      assert.deepEqual(layers(after).slice(-3, -1), layers(before).slice(-3, -1))
      assert.deepEqual(
        [...after.image.tree.keys()].filter((path) => /^(1|2|d|d\/.*|plain)$/.test(path)),
        ['2', 'd', 'd/a', 'd/s', 'plain'],
      )
      assert.equal(after.image.tree.get('d')?.mode, '755')
    })
    it('cannot look up a name, and says so before anything runs', async () => {
      const dockerfile = 'FROM busybox\nRUN false\nCOPY --link --chown=daemon:0 a /a\n'
      const { stderr } = await cli.fail({ dockerfile, files: { a: 'a' } })
      assert.match(stderr, /tsbuild: --link cannot look up the names in --chown=daemon:0\nhint: write numbers, or leave --link out/)
      assert.match(stderr, /3 \| >>> COPY --link --chown=daemon:0 a \/a\n.*\^{16}/)
    })
  })

  it('takes a fifo as it is, and a socket as an empty file, without opening them', async () => {
    const context = cli.context({ Dockerfile: 'FROM scratch\nCOPY d /d\nADD d/fifo d/socket /e/\n', 'd/f': 'f' })
    execFileSync('mkfifo', ['-m', '640', join(context, 'd/fifo')])
    const server = createServer().listen(join(context, 'd/socket'))
    await once(server, 'listening')
    try {
      const { tree } = (await cli.build(context)).image
      for (const folder of ['d', 'e']) {
        const [fifo, socket] = [tree.get(`${folder}/fifo`), tree.get(`${folder}/socket`)]
        assert.deepEqual([fifo?.type, fifo?.mode, fifo?.owner], ['fifo', '640', '0:0'])
        assert.deepEqual([socket?.type, socket?.sha256], ['file', sha256('')])
      }
    } finally {
      server.close()
    }
  })

  it('keeps times to the nanosecond and extended attributes', async () => {
    const context = cli.context({ Dockerfile: 'FROM scratch\nCOPY a d /to/\n', a: 'a', 'd/b': 'b' })
    execFileSync('touch', ['-d', '2001-02-03T04:05:06.123456789Z', join(context, 'a'), join(context, 'd/b')])
    const set = `import os\nfor path in ("a", "d/b"): os.setxattr(path, "user.note", b"kept")`
    execFileSync('python3', ['-c', set], { cwd: context })
    const { layers, tree } = (await cli.build(context)).image
    for (const path of ['to/a', 'to/b']) {
      assert.equal(layers.flat().find((member) => member.path === path)?.mtime, Number('981173106.123456789'))
      assert.deepEqual(tree.get(path)?.xattrs, { 'user.note': Buffer.from('kept').toString('hex') })
    }
  })

  describe('ADD of an archive', () => {
    const tar = tarOf([
      { path: 'd/a', content: randomBytes(2_000_000) },
      { path: 'd/b', content: 'b' },
    ])
    const packed = {
      gzip: gzipSync(tar),
      ...Object.fromEntries(
        (['bzip2', 'xz', 'zstd'] as const).map((name) => [name, execFileSync(name, ['-cq'], { input: tar, maxBuffer: 1 << 26 })]),
      ),
    }
    for (const [name, content] of Object.entries(packed)) {
      it(`unpacks ${name}, whatever its name`, async () => {
        const { image } = await cli.build({ dockerfile: 'FROM scratch\nADD blob /x\n', files: { blob: { content } } })
        assert.deepEqual([...image.tree.keys()], ['x', 'x/d', 'x/d/a', 'x/d/b'])
        assert.equal(image.tree.get('x/d/b')?.sha256, sha256('b'))
      })
      it(`refuses ${name} that is damaged, and --unpack=false takes it`, async () => {
        const files = { 'sub/blob': { content: content.subarray(0, -50_000) } }
        const { stderr } = await cli.fail({ dockerfile: 'FROM scratch\nADD sub/blob /x\n', files })
        assert.match(stderr, /Dockerfile:2\n/)
        assert.match(stderr, /tsbuild: ADD cannot unpack sub\/blob: compressed bytes end early\nhint: COPY, or ADD --unpack=false, takes/)
        const { image } = await cli.build({ dockerfile: 'FROM scratch\nADD --unpack=false sub/blob /x\n', files })
        assert.equal(image.tree.get('x')?.sha256, sha256(files['sub/blob'].content))
      })
      it(`copies what is only ${name}`, async () => {
        const text = name === 'gzip' ? gzipSync('text') : execFileSync(name, ['-cq'], { input: 'text' })
        const { image } = await cli.build({ dockerfile: 'FROM scratch\nADD t.tar /x\n', files: { 't.tar': { content: text } } })
        assert.equal(image.tree.get('x')?.sha256, sha256(text))
      })
    }

    const hostile: readonly [what: string, members: Parameters<typeof tarOf>[0], says: RegExp][] = [
      ['a member that leads out', [{ path: 'ok' }, { path: '../../out', content: 'x' }], /ADD cannot unpack a\.tar: /],
      ['a hard link out of it', [{ path: 'ok' }, { path: 'l', flag: '1', link: '../etc/passwd' }], /ADD cannot unpack a\.tar: /],
      [
        'a member behind a link that leads out',
        [
          { path: 'l', flag: '2', link: '../../etc' },
          { path: 'l/passwd', content: 'x' },
        ],
        /ADD cannot unpack a\.tar: l\/passwd would go through l, a link that leads out of the destination/,
      ],
      [
        'a member behind links in a circle',
        [
          { path: 'l', flag: '2', link: 'm' },
          { path: 'm', flag: '2', link: 'l' },
          { path: 'l/x', content: 'x' },
        ],
        /too many symbolic links/,
      ],
      ['a name that means a deletion', [{ path: 'd/.wh.x', content: 'x' }], /cannot be in a layer/],
    ]
    for (const [what, members, says] of hostile)
      it(`refuses ${what}`, async () => {
        const files = { 'a.tar': { content: tarOf(members) } }
        const { stderr, status } = await cli.fail({ dockerfile: 'FROM scratch\nADD a.tar /dest/\n', files })
        assert.equal(status, 1)
        assert.match(stderr, says)
      })
  })
})
