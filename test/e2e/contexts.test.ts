import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { Cli, type Finished, type RunOptions } from '../../fixtures/cli.ts'
import { type SeenImage, seeImage, sha256 } from '../../fixtures/image-tree.ts'
import { SourceServer } from '../../fixtures/source-server.ts'
import { type TarMember, tarOf } from '../../fixtures/tars.ts'

const hasGit = spawnSync('git', ['--version']).status === 0
const ALL = 'FROM scratch\nCOPY . /\n'
const MEMBERS: readonly TarMember[] = [
  { path: 'Dockerfile', content: ALL },
  { path: 'other/My.dockerfile', content: 'FROM scratch\nCOPY sub/b /only\n' },
  { path: '.dockerignore', content: 'a\n' },
  { path: 'a', content: 'a', uid: 3, gid: 4, mode: 0o640 },
  { path: 'sub/b', content: 'b' },
]

describe('contexts that are no folder', function () {
  this.timeout(60_000)
  let cli: Cli
  let server: SourceServer
  before(async () => {
    cli = new Cli('contexts')
    server = await SourceServer.start(join(cli.folder, 'served'))
  })
  after(async () => {
    await server[Symbol.asyncDispose]()
    await cli[Symbol.asyncDispose]()
  })

  async function built(args: readonly string[], options: RunOptions = {}): Promise<SeenImage> {
    const digest = await cli.ok(['build', '--progress=plain', ...args], options)
    return seeImage(cli.store, digest)
  }
  async function failed(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    const ended = await cli.run(['build', '--progress=plain', ...args], options)
    assert.notEqual(ended.status, 0)
    return ended
  }
  const paths = (image: SeenImage) => [...image.tree.keys()]
  const EVERYTHING = ['.dockerignore', 'Dockerfile', 'a', 'other', 'other/My.dockerfile', 'sub', 'sub/b']

  describe('a tar', () => {
    const zstd = spawnSync('zstd', ['-q', '-c'], { input: tarOf(MEMBERS) })
    for (const [what, bytes] of [
      ['plain', tarOf(MEMBERS)],
      ['with gzip', gzipSync(tarOf(MEMBERS))],
      ['with zstd', zstd.stdout],
    ] as const)
      it(`${what} on standard input is read as it is: with owners, without its ignore file being heeded`, async function () {
        if (bytes === null || bytes.length === 0) return this.skip()
        const image = await built(['-'], { input: bytes })
        assert.deepEqual(paths(image), EVERYTHING)
        const { owner, mode, sha256: digest } = image.tree.get('a') ?? assert.fail()
        assert.deepEqual([owner, mode, digest], ['3:4', '640', sha256('a')])
      })
    it('is found again by its content', async () => {
      const input = tarOf([...MEMBERS, { path: 'cached', content: 'c' }])
      await built(['-'], { input })
      const { stderr } = await cli.run(['build', '--progress=plain', '-'], { input: gzipSync(input) })
      assert.match(stderr, /CACHED/)
    })
    it('has the Dockerfile that -f names, or one of this machine', async () => {
      assert.deepEqual(paths(await built(['-f', 'other/My.dockerfile', '-'], { input: tarOf(MEMBERS) })), ['only'])
      const outside = join(cli.folder, 'outside.dockerfile')
      writeFileSync(outside, 'FROM scratch\nCOPY a /from-outside\n')
      assert.deepEqual(paths(await built(['-f', outside, '-'], { input: tarOf(MEMBERS) })), ['from-outside'])
    })
    it('can be a file, with the Dockerfile on standard input', async () => {
      const file = join(cli.folder, 'context.tgz')
      writeFileSync(file, gzipSync(tarOf(MEMBERS)))
      assert.deepEqual(paths(await built([file])), EVERYTHING)
      assert.deepEqual(paths(await built(['-f', '-', file], { input: 'FROM scratch\nCOPY a /x\n' })), ['x'])
    })
    it('can be behind a URL', async () => assert.deepEqual(paths(await built([server.file('context.tar', tarOf(MEMBERS))])), EVERYTHING))
    it('can hold an archive that ADD unpacks', async () => {
      const inner = gzipSync(tarOf([{ path: 'unpacked', content: 'u' }]))
      const input = tarOf([
        { path: 'Dockerfile', content: 'FROM scratch\nADD in.tgz plain /x/\n' },
        { path: 'in.tgz', content: inner },
        { path: 'plain', content: 'p' },
      ])
      assert.deepEqual(paths(await built(['-'], { input })), ['x', 'x/plain', 'x/unpacked'])
    })
    it('without a Dockerfile says so, and names one', async () => {
      const { stderr } = await failed(['-'], { input: tarOf([{ path: 'sub/Dockerfile', content: ALL }]) })
      assert.match(stderr, /no Dockerfile in the build context/)
      assert.match(stderr, /hint: did you mean -f sub\/Dockerfile\?/)
    })
    it('shows its Dockerfile where an error is in it', async () => {
      const { stderr } = await failed(['-'], {
        input: tarOf([
          { path: 'Dockerfile', content: 'FROM scratch\nCOPY nosuch /\n' },
          { path: 'd/nosuch', content: '' },
        ]),
      })
      assert.match(stderr, / 2 \| >>> COPY nosuch \//)
      assert.match(stderr, /"nosuch" is not in the build context\nhint: did you mean d\/nosuch\?/)
    })

    describe('made by an attacker', () => {
      for (const [what, members] of [
        ['a name that leads out', [{ path: '../out', content: 'x' }]],
        ['a name that leads out later', [{ path: 'a/../../out', content: 'x' }]],
        ['a hard link to what it has not', [{ path: 'passwd', flag: '1', link: '/etc/passwd' }]],
        ['a hard link that leads out', [{ path: 'passwd', flag: '1', link: '../../../etc/passwd' }]],
      ] as const)
        it(`with ${what} is refused`, async () => {
          const { stderr } = await failed(['-'], { input: tarOf([{ path: 'Dockerfile', content: ALL }, ...members]) })
          assert.match(stderr, /leads out of its root|is no file in it/)
        })
      it('has no more than what is in it: links lead nowhere else', async () => {
        const links = [
          { path: 'abs', flag: '2', link: '/etc/passwd' },
          { path: 'up', flag: '2', link: '../../../../etc/passwd' },
        ]
        for (const link of ['abs', 'up']) {
          const { stderr } = await failed(['-'], {
            input: tarOf([{ path: 'Dockerfile', content: `FROM scratch\nCOPY ${link} /\n` }, ...links]),
          })
          assert.match(stderr, /is not in the build context/)
        }
        const { stderr } = await failed(['-'], { input: tarOf([{ path: 'Dockerfile', flag: '2', link: '/etc/passwd' }]) })
        assert.match(stderr, /no Dockerfile in the build context/)
      })
      it('that is cut is refused', async () => {
        const whole = gzipSync(tarOf(MEMBERS))
        const { stderr } = await failed(['-'], { input: whole.subarray(0, whole.length - 30) })
        assert.match(stderr, /cannot be read|no tar that can be read/)
      })
    })
  })

  describe('a Dockerfile', () => {
    it('on standard input has an empty context', async () => {
      assert.deepEqual(paths(await built(['-'], { input: 'FROM scratch\nCOPY <<x /\nhello\nx\n' })), ['x'])
      const { stderr } = await failed(['-'], { input: 'FROM scratch\nCOPY a /\n' })
      assert.match(stderr, /"a" is not in the build context, which is empty: all that was given is a Dockerfile/)
      assert.match(stderr, /^-:2$/m)
    })
    it('behind a URL, too', async () => {
      assert.deepEqual(paths(await built([server.file('Dockerfile', 'FROM scratch\nCOPY <<x /\nhello\nx\n')])), ['x'])
    })
    it('behind a URL, named by -f, has the context that is given', async () => {
      const folder = cli.context({ a: 'a' })
      assert.deepEqual(paths(await built(['-f', server.file('My.dockerfile', ALL), folder])), ['a'])
    })
    it('too large for one is refused', async () => {
      const { stderr } = await failed(['-'], { input: Buffer.alloc(20_000_000, 'x') })
      assert.match(stderr, /is no tar, and with 20000000 bytes too large for a Dockerfile/)
    })
    for (const [args, says] of [
      [['-f', '-', '-'], /context and Dockerfile cannot both come from standard input/],
      [['-f', 'x', '-'], /two Dockerfiles: the context is one/],
    ] as const)
      it(`${args.join(' ')} is refused`, async () => assert.match((await failed(args, { input: ALL })).stderr, says))
  })

  describe('a git repository', () => {
    before(function () {
      if (!hasGit) return this.skip()
      server.repository('app', {
        Dockerfile: ALL,
        a: 'a',
        'sub/Dockerfile': 'FROM scratch\nCOPY x /sub-x\n',
        'sub/x': 'x',
        '.dockerignore': 'a\n',
      })
    })
    it('is a context by its URL', async () =>
      assert.deepEqual(paths(await built([server.url('app.git')])), ['.dockerignore', 'Dockerfile', 'a', 'sub', 'sub/Dockerfile', 'sub/x']))
    it('or a directory of it', async () => assert.deepEqual(paths(await built([server.url('app.git#main:sub')])), ['sub-x']))
    it('with .git when BUILDKIT_CONTEXT_KEEP_GIT_DIR says so', async () => {
      const image = await built(['--build-arg', 'BUILDKIT_CONTEXT_KEEP_GIT_DIR=1', server.url('app.git')])
      assert.ok(image.tree.has('.git/HEAD'))
    })
  })

  for (const text of ['ext::sh -c id', 'file:///etc', '--upload-pack=id'])
    it(`${text} is no context`, async () => {
      const { stderr } = await failed(['--', text])
      assert.match(stderr, /no build context at/)
    })

  it('a Dockerfile outside the context may be a link in its own folder, or into the context', async () => {
    const folder = cli.context({ a: 'a', 'real/Dockerfile': ALL })
    symlinkSync('real/Dockerfile', join(folder, 'Dockerfile'))
    assert.ok((await built([folder])).tree.has('a'))
    const outside = join(cli.folder, 'dockerfiles')
    mkdirSync(outside)
    writeFileSync(join(outside, 'one'), ALL)
    symlinkSync('one', join(outside, 'two'))
    assert.ok((await built(['-f', join(outside, 'two'), folder])).tree.has('a'))
  })
  it('a Dockerfile that is a link out of the context is not shown', async () => {
    const folder = cli.context({ a: 'a' })
    symlinkSync('/etc/passwd', join(folder, 'Dockerfile'))
    const { stderr } = await failed([folder])
    assert.match(stderr, /is a link that leads out of the context/)
    assert.ok(!stderr.includes('root:'))
  })
  it('leave no temporary file behind', () => assert.deepEqual(readdirSync(join(cli.store, 'ingest')), []))
})
