import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Cli, type ContextFiles } from '../../fixtures/cli.ts'
import { SourceServer } from '../../fixtures/source-server.ts'
import { tarOf } from '../../fixtures/tars.ts'

const hasGit = spawnSync('git', ['--version']).status === 0

describe('--build-context', function () {
  this.timeout(60_000)
  let cli: Cli
  let server: SourceServer
  before(async () => {
    cli = new Cli('named')
    server = await SourceServer.start(join(cli.folder, 'served'))
    await cli.build(
      { dockerfile: 'FROM scratch\nENV WHO=one\nCOPY f /from-image\n', files: { f: 'image' } },
      { args: ['-t', 'one', '-o', 'type=oci,tar=false,dest=layout', '-o', 'type=image'] },
    )
  })
  after(async () => {
    await server[Symbol.asyncDispose]()
    await cli[Symbol.asyncDispose]()
  })
  const build = async (dockerfile: string, contexts: readonly string[], files: ContextFiles = {}, args: readonly string[] = []) => {
    const named = contexts.flatMap((context) => ['--build-context', context])
    const { image, steps } = await cli.build(
      { dockerfile, files: { '.dockerignore': 'Dockerfile\n.dockerignore\n', ...files } },
      { args: [...named, ...args] },
    )
    return { paths: [...image.tree.keys()], config: image.config, steps }
  }
  const fail = (dockerfile: string, contexts: readonly string[]) =>
    cli.fail({ dockerfile }, { args: contexts.flatMap((context) => ['--build-context', context]) })
  const FROM = (name: string) => `FROM ${name}\n`
  const COPY = (name: string) => `FROM scratch\nCOPY --from=${name} . /c/\n`

  describe('that is a folder', () => {
    const folder = () => cli.context({ a: 'a', 'sub/b': 'b', ignored: 'i', '.dockerignore': 'ignored\n.dockerignore\n' })
    it('is what COPY --from copies from, without what its own .dockerignore leaves out', async () => {
      assert.deepEqual((await build(COPY('files'), [`files=${folder()}`])).paths, ['c', 'c/a', 'c/sub', 'c/sub/b'])
    })
    it('is a file system to start from', async () => {
      const { paths, config } = await build(`${FROM('files')}COPY own /\n`, [`files=${folder()}`], { own: 'o' })
      assert.deepEqual(paths, ['a', 'own', 'sub', 'sub/b'])
      assert.equal(config.history.filter((item) => item.empty_layer !== true).length, config.rootfs.diff_ids.length)
    })
    it('is cached by its content', async () => {
      await build(COPY('files'), [`files=${folder()}`])
      assert.equal((await build(COPY('files'), [`files=${folder()}`])).steps.at(-1)?.[1], 'CACHED')
    })
    it('is only read where that is needed', async function () {
      if (process.getuid?.() === 0) return this.skip() // root may read everything
      const closed = cli.context({ 'open/a': 'a', 'closed/b': { content: 'b', mode: 0 } })
      assert.deepEqual((await build('FROM scratch\nCOPY --from=files open /\n', [`files=${closed}`])).paths, ['a'])
    })
    it('is named when something is missing in it', async () => {
      const { stderr } = await fail('FROM scratch\nCOPY --from=files suv/b /\n', [`files=${folder()}`])
      assert.match(stderr, /"suv\/b" is not in the build context files\nhint: did you mean sub\/b\?/)
      const ignored = await fail('FROM scratch\nCOPY --from=files ignored /\n', [`files=${folder()}`])
      assert.match(ignored.stderr, /hint: \.dockerignore:1 leaves it out: ignored/)
    })
  })

  describe('that is an image', () => {
    for (const [what, value] of [
      ['of the store', () => 'docker-image://one'],
      ['in a layout', () => 'oci-layout://layout:latest'],
      ['in a layout by its path alone', () => `oci-layout://${join(cli.folder, 'layout')}`],
    ] as const)
      it(`${what} replaces FROM with its config, and --from`, async () => {
        const { paths, config } = await build(`${FROM('127.0.0.1:1/never')}COPY --from=other /from-image /copied\n`, [
          `127.0.0.1:1/never=${value()}`,
          `other=${value()}`,
        ])
        assert.deepEqual(paths, ['copied', 'from-image'])
        assert.ok((config.config.Env as string[]).includes('WHO=one'))
      })
    it('in a layout is named by digest, too', async () => {
      const found = (await cli.ok(['images', '--format', 'json', 'one'])).match(/sha256:[0-9a-f]{64}/)?.[0]
      assert.deepEqual((await build(FROM('x'), [`x=oci-layout://layout@${found}`])).paths, ['from-image'])
      const { stderr } = await fail(FROM('x'), [`x=oci-layout://layout@sha256:${'0'.repeat(64)}`])
      assert.match(stderr, /no image called/)
    })
  })

  it('that is a tar, a URL or a repository has its files', async function () {
    const tar = join(cli.folder, 'files.tar')
    writeFileSync(tar, tarOf([{ path: 'in-tar', content: 't' }]))
    assert.deepEqual((await build(COPY('x'), [`x=${tar}`])).paths, ['c', 'c/in-tar'])
    assert.deepEqual((await build(COPY('x'), [`x=${server.file('f.tar', tarOf([{ path: 'in-url', content: 'u' }]))}`])).paths, [
      'c',
      'c/in-url',
    ])
    assert.deepEqual((await build(COPY('x'), [`x=${server.file('plain.bin', 'p')}`])).paths, ['c', 'c/plain.bin'])
    if (!hasGit) return this.skip()
    server.repository('named', { 'd/in-git': 'g' })
    assert.deepEqual((await build(COPY('x'), [`x=${server.url('named.git#main:d')}`])).paths, ['c', 'c/in-git'])
  })

  it('replaces a whole stage of its name, whose instructions are not carried out', async () => {
    const dockerfile = 'FROM 127.0.0.1:1/never AS deps\nRUN exit 1\nFROM scratch\nCOPY --from=deps . /c/\n'
    const { paths, steps } = await build(dockerfile, [`deps=${cli.context({ a: 'a' })}`])
    assert.deepEqual(paths, ['c', 'c/a'])
    assert.ok(!steps.some(([name]) => name.startsWith('RUN')))
  })
  it('is found by every spelling of an image name, and for its platform first', async () => {
    const [all, arm] = [cli.context({ all: '' }), cli.context({ arm: '' })]
    const contexts = [`docker.io/library/base:latest=${all}`, `base::linux/arm64=${arm}`]
    assert.deepEqual((await build(FROM('base'), contexts, {}, ['--platform', 'linux/amd64'])).paths, ['all'])
    assert.deepEqual((await build(FROM('library/base:latest'), contexts, {}, ['--platform', 'linux/arm64'])).paths, ['arm'])
    assert.deepEqual((await build('FROM --platform=linux/arm64 base\n', contexts, {}, ['--platform', 'linux/amd64'])).paths, ['arm'])
  })
  it('replaces neither scratch nor an earlier stage that is found first', async () => {
    const folder = cli.context({ a: '' })
    assert.deepEqual((await build(FROM('scratch'), [`scratch=${folder}`])).paths, [])
    assert.deepEqual((await build('FROM scratch AS s\nFROM scratch\nCOPY --from=0 . /x/\n', [`x=${folder}`])).paths, ['x'])
  })
  it('may be nothing at all', async () => {
    assert.deepEqual((await build('FROM base\nWORKDIR /w\n', ['base=docker-image://scratch'])).paths, ['w'])
    const folder = cli.context({ Dockerfile: 'FROM scratch\nCOPY --from=none / /\n' })
    const { stderr } = await cli.run(['build', '--build-context', 'none=docker-image://scratch', folder])
    assert.match(stderr, /nothing can be copied from scratch/)
  })
  it('that no step needs is not fetched', async () => {
    server.asked.length = 0
    await build('FROM scratch AS unused\nCOPY --from=x . /\nFROM scratch\n', [`x=${server.url('nothing.tar')}`])
    assert.deepEqual(server.asked, [])
  })

  for (const [value, status, says] of [
    ['x', 2, /--build-context "x": write name=value/],
    ['=y', 2, /write name=value/],
    ['x=', 2, /write name=value/],
    ['UPPER=.', 2, /not a name of a build context: "UPPER"/],
    ['x::nonsense/=.', 2, /not a name of a build context/],
    ['x=-', 2, /only the build context itself can come from standard input/],
    ['x=/no/such', 1, /--build-context x: there is no \/no\/such/],
    ['x=docker-image://Bad!', 2, /not an image reference: "Bad!"/],
    ['x=ext::sh -c id', 1, /--build-context x: there is no/],
    ['x=oci-layout:///no/such', 1, /\/no\/such is no image layout/],
  ] as const)
    it(`${value} is refused`, async () => {
      const ended = await fail(FROM('x'), [value])
      assert.match(ended.stderr, says)
      assert.equal(ended.status, status)
    })
})
