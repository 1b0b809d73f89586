import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { Cli, type ContextFiles, realFolder, writeContext } from '../../fixtures/cli.ts'
import { manifestOf, mergeLayers, seeImage, sha256 } from '../../fixtures/image-tree.ts'
import { readTar } from '../../fixtures/tar-reader.ts'

const STAGES = `FROM busybox AS one
RUN echo one > /one
FROM busybox AS two
COPY --from=one /one /from-one
ARG NAME=unnamed
RUN echo $NAME > /two
FROM busybox
COPY --from=two /two /
`

describe('tsbuild build', () => {
  let cli: Cli
  before(async () => {
    cli = await Cli.withBusybox('build')
  })
  after(() => cli[Symbol.asyncDispose]())
  const out = (name: string) => join(cli.folder, name)

  describe('.dockerignore', () => {
    const files: ContextFiles = {
      'a.txt': 'a',
      'b.md': 'b',
      'node_modules/x/index.js': 'x',
      'src/a.txt': 'sa',
      'src/keep.md': 'k',
      'src/deep/b.md': 'd',
      '.dockerignore': '# comment\nnode_modules\n**/*.md\n!src/keep.md\nDockerfile\n.dockerignore\n',
    }
    it('leaves out what its patterns match, and not what a later ! takes back', async () => {
      const { image } = await cli.build({ dockerfile: 'FROM scratch\nCOPY . /\n', files })
      assert.deepEqual([...image.tree.keys()], ['a.txt', 'src', 'src/a.txt', 'src/deep', 'src/keep.md'])
    })
    it('beside the Dockerfile goes before that of the context', async () => {
      const context = cli.context({
        ...files,
        'sub/My.dockerfile': 'FROM scratch\nCOPY . /\n',
        'sub/My.dockerfile.dockerignore': '*\n!a.txt\n',
      })
      const { image } = await cli.build(context, { args: ['-f', join(context, 'sub/My.dockerfile')] })
      assert.deepEqual([...image.tree.keys()], ['a.txt'])
    })
    it('is named when a source is missing because of it', async () => {
      const { stderr, status } = await cli.fail({ dockerfile: 'FROM scratch\nCOPY b.md /\n', files })
      assert.equal(status, 1)
      assert.match(stderr, /"b.md" is not in the build context/)
      assert.match(stderr, /\.dockerignore:3 .*\*\*\/\*\.md/)
    })
    it('may be wrong as long as nothing of the context is used', async () => {
      const broken = { a: 'a', '.dockerignore': 'a\n!\n' }
      const unused = 'FROM scratch AS left\nCOPY a /\nFROM scratch\nCOPY <<EOF /b\nb\nEOF\n'
      const { image } = await cli.build({ dockerfile: unused, files: broken })
      assert.deepEqual([...image.tree.keys()], ['b'])
      for (const line of ['COPY a /', 'ADD a /', 'RUN --mount=target=/c true']) {
        const { stderr } = await cli.fail({ dockerfile: `FROM busybox\n${line}\n`, files: broken })
        assert.match(stderr, /\.dockerignore:2\n.*illegal exclusion pattern: "!"/s)
      }
    })
  })

  describe('options', () => {
    it('--target stops at a stage and does nothing for the others', async () => {
      const { image, steps } = await cli.build(
        { dockerfile: STAGES },
        { args: ['--target', 'TWO', '--build-arg', 'NAME=given', '--no-cache'] },
      )
      assert.deepEqual(
        steps.map(([name]) => name),
        ['RUN echo one > /one', 'COPY --from=one /one /from-one', 'RUN echo $NAME > /two'],
      )
      assert.equal(image.tree.get('two')?.sha256, sha256('given\n'))
    })
    it('--target of no stage names those there are', async () => {
      const { stderr } = await cli.fail({ dockerfile: STAGES }, { args: ['--target', 'tow'] })
      assert.match(stderr, /target stage "tow" could not be found/)
      assert.match(stderr, /did you mean two\?/)
    })
    it('--build-arg without a value takes that of the environment, and an unknown one is warned of', async () => {
      const dockerfile = 'FROM busybox\nARG FROM_ENV\nRUN echo $FROM_ENV > /out\n'
      const { image, stderr } = await cli.build(
        { dockerfile },
        { args: ['--build-arg', 'FROM_ENV', '--build-arg', 'FORM_ENV=1'], env: { FROM_ENV: 'env' } },
      )
      assert.equal(image.tree.get('out')?.sha256, sha256('env\n'))
      assert.match(stderr, /no ARG declares --build-arg FORM_ENV; did you mean FROM_ENV\?/)
    })
    it('--label comes after LABEL and is not in the history', async () => {
      const { image } = await cli.build(
        { dockerfile: 'FROM scratch\nLABEL a=file b=file\n' },
        { args: ['--label', 'a=flag', '--label', 'c=x=y'] },
      )
      assert.deepEqual(image.config.config.Labels, { a: 'flag', b: 'file', c: 'x=y' })
      assert.deepEqual(
        image.config.history.map((entry) => entry.created_by),
        ['LABEL a=file b=file'],
      )
    })
    it('-f reads another file, and - standard input', async () => {
      const context = cli.context({ f: 'f', 'other/Containerfile': 'FROM scratch\nCOPY f /other\n' })
      const other = await cli.build(context, { args: ['-f', join(context, 'other/Containerfile')] })
      assert.deepEqual([...other.image.tree.keys()], ['other'])
      const piped = await cli.build(context, { args: ['-f', '-'], input: 'FROM scratch\nCOPY f /piped\n' })
      assert.deepEqual([...piped.image.tree.keys()], ['piped'])
    })
    it('-q prints the image ID alone, --iidfile and --metadata-file say the same', async () => {
      const context = cli.context({ Dockerfile: 'FROM scratch\nCOPY f /\n', f: 'f' })
      const quiet = await cli.run([
        'build',
        '-q',
        '--iidfile',
        out('iid'),
        '--metadata-file',
        out('meta'),
        '-t',
        'named',
        '-t',
        'localhost:5/also:v1',
        context,
      ])
      assert.equal(quiet.stderr, '')
      const { digest, image } = await cli.build(context)
      assert.equal(quiet.stdout, `${image.manifest.config.digest}\n`)
      assert.equal(readFileSync(out('iid'), 'utf8'), image.manifest.config.digest)
      const metadata = JSON.parse(readFileSync(out('meta'), 'utf8'))
      assert.equal(metadata['containerimage.digest'], digest)
      assert.equal(metadata['containerimage.config.digest'], image.manifest.config.digest)
      assert.equal(metadata['containerimage.descriptor'].digest, digest)
      assert.equal(metadata['image.name'], 'docker.io/library/named:latest,localhost:5/also:v1')
      const names = (await cli.ok(['images', '--format', 'json'])).split('\n').map((line) => JSON.parse(line))
      assert.deepEqual(
        names.filter((row) => row.digest === digest).map((row) => row.name),
        ['named:latest', 'localhost:5/also:v1'],
      )
    })
    it('--platform is in the config and in the arguments', async () => {
      const dockerfile =
        'FROM scratch\nARG TARGETPLATFORM\nARG TARGETARCH\nARG TARGETVARIANT\nLABEL p=$TARGETPLATFORM a=$TARGETARCH v=$TARGETVARIANT\n'
      const { image } = await cli.build({ dockerfile }, { args: ['--platform', 'linux/arm/v7'] })
      assert.deepEqual(image.config.config.Labels, { p: 'linux/arm/v7', a: 'arm', v: 'v7' })
      const { os, architecture } = image.config
      assert.deepEqual({ os, architecture }, { os: 'linux', architecture: 'arm' })
    })
    it('--no-cache does every step again, and what it makes is used after', async () => {
      const context = cli.context({ Dockerfile: 'FROM busybox\nRUN cat /proc/sys/kernel/random/uuid > /id\nWORKDIR /w\n' })
      const first = await cli.build(context)
      const again = await cli.build(context, { args: ['--no-cache'] })
      assert.notEqual(again.image.tree.get('id')?.sha256, first.image.tree.get('id')?.sha256)
      assert.deepEqual(
        again.steps.map(([, ending]) => ending),
        ['DONE', 'DONE'],
      )
      const cached = await cli.build(context)
      assert.equal(cached.digest, again.digest)
    })
    it('--no-cache-filter does the steps of some stages again', async () => {
      const stage = (name: string) => `FROM busybox AS ${name}\nRUN cat /proc/sys/kernel/random/uuid > /${name}\n`
      const copies = 'FROM scratch\nCOPY --from=a /a /\nCOPY --from=b /b /\nCOPY --from=c /c /\n'
      const context = cli.context({ Dockerfile: `${stage('a')}${stage('b')}${stage('c')}${copies}` })
      const ids = async (...args: string[]) => {
        const { image, stderr } = await cli.build(context, { args })
        return { stderr, ids: ['a', 'b', 'c'].map((path) => image.tree.get(path)?.sha256) }
      }
      const first = await ids()
      const again = await ids('--no-cache-filter=a,C', '--no-cache-filter', 'd')
      assert.deepEqual(
        again.ids.map((id, index) => id === first.ids[index]),
        [false, true, false],
      )
      assert.match(again.stderr, /WARNING: UnknownStage: --no-cache-filter d: no stage has that name/)
      assert.deepEqual((await ids()).ids, again.ids)
    })
    it('--pull=never refuses a base that is not here', async () => {
      const { stderr } = await cli.fail({ dockerfile: 'FROM missing\n' }, { args: ['--pull=never'] })
      assert.match(stderr, /missing is not in the store/)
    })
    it("takes Docker's harmless flags with a note, and refuses unknown ones with a hint", async () => {
      const { stderr } = await cli.build(
        { dockerfile: 'FROM scratch\nLABEL a=1\n' },
        { args: ['--load', '--rm', '--force-rm', '--provenance=false'] },
      )
      assert.match(stderr, /--load changes nothing/)
      const wrong = await cli.fail({ dockerfile: 'FROM scratch\n' }, { args: ['--no-cahce'] })
      assert.equal(wrong.status, 2)
      assert.match(wrong.stderr, /--no-cache/)
    })
  })

  describe('outputs', () => {
    const dockerfile = 'FROM scratch\nCOPY --chown=12:34 --chmod=640 f d/link /\nCOPY d /d\nCOPY d/f2 /d/f2\n'
    const files: ContextFiles = { f: 'f', 'd/link': { symlink: 'f2' }, 'd/f2': { content: '2', mode: 0o755 }, 'd/empty': null }
    const build = (spec: string, more: readonly string[] = []) => cli.build({ dockerfile, files }, { args: ['-o', spec, ...more] })

    it('type=oci is an image layout with the same manifest', async () => {
      const { digest, image } = await build(`type=oci,dest=${out('layout')},tar=false,name=example.org/app:v2`)
      assert.equal(manifestOf(out('layout'), 'v2'), digest)
      assert.deepEqual(seeImage(out('layout'), digest), image)
    })
    it('type=oci is a tar of that by default', async () => {
      const { digest } = await build(`type=oci,dest=${out('oci.tar')}`)
      const members = new Map(readTar(readFileSync(out('oci.tar'))).map((member) => [member.path, member]))
      assert.equal(JSON.parse(String(members.get('index.json')?.content)).manifests[0].digest, digest)
      assert.deepEqual(JSON.parse(String(members.get('oci-layout')?.content)), { imageLayoutVersion: '1.0.0' })
      assert.equal(sha256(members.get(`blobs/${digest.replace(':', '/')}`)?.content ?? ''), digest.slice(7))
    })
    it('type=docker has a manifest.json with the name', async () => {
      const { image } = await build(`type=docker,dest=${out('docker.tar')}`, ['-t', 'app:v3'])
      const members = new Map(readTar(readFileSync(out('docker.tar'))).map((member) => [member.path, member]))
      const [manifest] = JSON.parse(String(members.get('manifest.json')?.content))
      assert.deepEqual(manifest.RepoTags, ['docker.io/library/app:v3'])
      assert.equal(sha256(members.get(manifest.Config)?.content ?? ''), image.manifest.config.digest.slice(7))
      const layers = manifest.Layers.map((path: string) => sha256(tarOf(members.get(path)?.content ?? Buffer.alloc(0))))
      assert.deepEqual(
        layers.map((digest: string) => `sha256:${digest}`),
        image.config.rootfs.diff_ids,
      )
    })
    it('type=tar is the merged tree, also to standard output', async () => {
      const { image } = await build(`type=tar,dest=${out('tree.tar')}`)
      const bytes = readFileSync(out('tree.tar'))
      assert.deepEqual(mergeLayers([readTar(bytes)]), image.tree)
      const again = cli.context({ Dockerfile: dockerfile, ...files })
      const piped = await cli.run(['build', '-q', '-o', '-', again])
      assert.equal(piped.stdout.slice(0, bytes.length), bytes.toString('utf8'))
    })
    it('type=tar to a pipe that is there goes into it, and replaces no device', async () => {
      const pipe = out('pipe')
      execFileSync('mkfifo', [pipe])
      const end = openSync(pipe, 'r+')
      try {
        await build(`type=tar,dest=${out('same.tar')}`)
        await build(`type=tar,dest=${pipe}`)
        assert.ok(lstatSync(pipe).isFIFO())
        const bytes = Buffer.alloc(65_536)
        assert.deepEqual(bytes.subarray(0, readSync(end, bytes)), readFileSync(out('same.tar')))
      } finally {
        closeSync(end)
      }
    })
    it('type=local is a folder of the caller, and so is a path alone', async () => {
      await build(`type=local,dest=${out('tree')}`)
      assert.deepEqual(readdirSync(out('tree')).sort(), ['d', 'f', 'link'])
      assert.equal(statSync(join(out('tree'), 'f')).mode & 0o7777, 0o640)
      assert.equal(statSync(join(out('tree'), 'f')).uid, process.getuid?.())
      assert.equal(readlinkSync(join(out('tree'), 'd/link')), 'f2')
      await build(out('plain'))
      assert.ok(existsSync(join(out('plain'), 'd/empty')))
    })
    it('of a kind that is not known is refused before anything is built', async () => {
      const { stderr, status } = await cli.fail({ dockerfile, files }, { args: ['-o', 'type=iso,dest=x'] })
      assert.equal(status, 2)
      assert.match(stderr, /one of image, registry, oci, docker, local, tar/)
    })
    it('that cannot be written is one clear error, and nothing half-written stays', async () => {
      const { stderr } = await cli.fail({ dockerfile, files }, { args: ['-o', `type=tar,dest=${out('none/there.tar')}`] })
      assert.match(stderr, /cannot write .*none\/there\.tar/)
      assert.equal(existsSync(out('none')), false)
    })
  })

  describe('a failing build', () => {
    it('shows the last lines, the exit code and the place in the Dockerfile', async () => {
      const { stderr, status } = await cli.fail({
        dockerfile: 'FROM busybox\nRUN echo before; \\\n  echo why >&2; exit 42\nRUN touch /never\n',
      })
      assert.equal(status, 1)
      assert.match(stderr, /exit code: 42/)
      assert.match(stderr, /^ > why$/m)
      assert.match(stderr, /Dockerfile:2/)
      assert.match(stderr, />>> RUN echo before/)
      assert.doesNotMatch(stderr, /^#\d+ .*touch/m)
    })
    for (const [what, dockerfile, message] of [
      ['an unknown instruction', 'FROM scratch\nRUNN x\n', /RUNN.*\n?.*did you mean RUN/],
      ['a missing source', 'FROM scratch\nCOPY nothing /\n', /"nothing" is not in the build context/],
      ['a circular --from', 'FROM scratch AS a\nCOPY --from=a / /\n', /circular dependency/],
      ['a mount without a target', 'FROM busybox\nRUN --mount=type=cache true\n', /invalid mount target "\/"/],
      ['an unknown user', 'FROM busybox\nUSER nobodyhere\nRUN true\n', /no user "nobodyhere" in the image/],
      ['a command that is not there', 'FROM busybox\nRUN ["/nope"]\n', /cannot execute "\/nope"/],
      ['no FROM', 'RUN true\n', /FROM/],
    ] as const)
      it(`for ${what} says so at its line`, async () => {
        const { stderr, status } = await cli.fail({ dockerfile })
        assert.equal(status, 1)
        assert.match(stderr, message)
        assert.match(stderr, />>>/)
        assert.doesNotMatch(stderr, /at .*\.(js|ts|cjs):\d+/, 'a stack trace')
      })
  })
})

function tarOf(blob: Buffer): Buffer {
  return blob[0] === 0x1f && blob[1] === 0x8b ? gunzipSync(blob) : blob
}

describe('tsbuild build: what is done again', () => {
  const DOCKERFILE = `FROM busybox AS deps
WORKDIR /app
COPY package.json lock ./
ARG MODE=a
RUN echo "deps $MODE" > deps
FROM busybox
ENV UNSEEN=1
COPY --from=deps /app/deps /deps
COPY src /src
ARG LATE=1
RUN cat /src/* /deps > /all
LABEL version=1
CMD ["cat", "/all"]
`
  const FILES: ContextFiles = { 'package.json': '{}', lock: 'l', 'src/a': 'a', 'src/b': 'b', 'README.md': 'r', Dockerfile: DOCKERFILE }
  const STEPS = [
    'WORKDIR /app',
    'COPY package.json lock ./',
    'RUN echo "deps $MODE" > deps',
    'COPY --from=deps /app/deps /deps',
    'COPY src /src',
    'RUN cat /src/* /deps > /all',
  ]

  let cli: Cli
  let context: string
  let first: Awaited<ReturnType<Cli['build']>>
  before(async () => {
    cli = await Cli.withBusybox('cache')
    context = cli.context(FILES)
    first = await cli.build(context)
  })
  after(() => cli[Symbol.asyncDispose]())

  /** Builds the first files after `change`, and says which steps were done, sorted. */
  async function doneAfter(change: () => void, args: readonly string[] = []): Promise<string[]> {
    rmSync(context, { recursive: true })
    writeContext(context, FILES)
    change()
    const { steps } = await cli.build(context, { args })
    assert.equal(steps.length, STEPS.length)
    return steps
      .filter(([, ending]) => ending !== 'CACHED')
      .map(([name]) => name)
      .sort()
  }
  const edit = (name: string, content: string) => () => writeFileSync(join(context, name), content)
  const sorted = (...steps: number[]) => steps.map((index) => STEPS[index] ?? '').sort()
  const replace = (from: string, to: string) => edit('Dockerfile', DOCKERFILE.replace(from, to))

  it('the first time is everything', () =>
    assert.deepEqual(first.steps.map(([name, ending]) => `${name} ${ending}`).sort(), STEPS.map((name) => `${name} DONE`).sort()))
  it('nothing, when nothing changed; the image is the same, and every step says CACHED', async () => {
    const { digest, steps } = await cli.build(context)
    assert.equal(digest, first.digest)
    assert.deepEqual(
      steps.map(([, ending]) => ending),
      STEPS.map(() => 'CACHED'),
    )
  })
  const CHANGES: readonly [what: string, change: () => void, done: string[], args?: readonly string[]][] = [
    ['a file has only another time', () => utimesSync(join(context, 'src/a'), 1, 1), []],
    ['a file is written anew with the same content', edit('src/a', 'a'), []],
    ['a file that no COPY takes changes', edit('README.md', 'changed'), []],
    ['a file changes', edit('src/a', 'A'), sorted(4, 5)],
    ['a mode changes', () => chmodSync(join(context, 'src/a'), 0o755), sorted(4, 5)],
    ['a file is added', edit('src/c', 'c'), sorted(4, 5)],
    ['a file is removed', () => rmSync(join(context, 'src/b')), sorted(4, 5)],
    ['a file is renamed', () => renameSync(join(context, 'src/b'), join(context, 'src/z')), sorted(4, 5)],
    ['a file of an earlier stage changes, but not what is taken from it', edit('lock', 'new'), sorted(1, 2)],
    ['an argument of an earlier stage changes', () => undefined, sorted(2, 3, 4, 5), ['--build-arg', 'MODE=b']],
    ['an argument that a RUN sees changes', () => undefined, sorted(5), ['--build-arg', 'LATE=2']],
    ['a variable that only the last RUN sees changes', replace('UNSEEN=1', 'UNSEEN=2'), sorted(5)],
    ['a variable is set after the last RUN', replace('LABEL version=1', 'ENV AFTER=1'), []],
    ['a label, a comment and CMD change', replace('LABEL version=1\nCMD', '# new\nLABEL version=2\nENTRYPOINT'), []],
    [
      'a stage is renamed',
      () =>
        writeFileSync(join(context, 'Dockerfile'), DOCKERFILE.replace('AS deps', 'AS renamed').replace('--from=deps', '--from=renamed')),
      [],
    ],
    ['the user changes before a RUN', replace('ARG LATE', 'USER 0:1\nARG LATE'), sorted(5)],
  ]
  for (const [what, change, done, args] of CHANGES)
    it(`${done.length} steps, when ${what}`, async () => assert.deepEqual(await doneAfter(change, args), done))
  it('proxy variables reach RUN and change nothing', async () => {
    const folder = cli.context({ Dockerfile: 'FROM busybox\nRUN echo ${http_proxy-none} ${HTTP_PROXY-none} > /p\n' })
    const one = await cli.build(folder, { args: ['--build-arg', 'http_proxy=http://a.invalid'] })
    assert.equal(one.image.tree.get('p')?.sha256, sha256('http://a.invalid http://a.invalid\n'))
    const two = await cli.build(folder, { args: ['--build-arg', 'HTTP_PROXY=http://b.invalid'] })
    assert.equal(two.digest, one.digest)
    assert.doesNotMatch(JSON.stringify(one.image.config), /invalid/)
  })
  it('two contexts of equal files share everything', async () => {
    const folder = realFolder('copy')
    try {
      writeContext(folder, FILES)
      const { digest, steps } = await cli.build(folder)
      assert.equal(digest, first.digest)
      assert.ok(steps.every(([, ending]) => ending === 'CACHED'))
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
  it('after it all the store is sound', async () => {
    await cli.ok(['store', 'check'])
  })
})
