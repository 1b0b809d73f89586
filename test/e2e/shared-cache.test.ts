import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { noSandbox } from '../../fixtures/sandbox.ts'
import { type DockerRegistry, dockerRegistry, has } from '../registry/remote/docker-registry.ts'
import { complains } from './failing.ts'
import { provesSound } from './kill-support.ts'
import { type Ended, Workbench } from './workbench.ts'

const NO_CACHE_YET = /--cache-from .*: nothing there yet/

describe('a shared cache', function () {
  this.timeout(120_000)
  let registry: DockerRegistry
  let benches: Workbench[] = []
  const dockerfile = () => `FROM ${registry.host}/base:1 AS deps
WORKDIR /app
COPY package.json .
RUN cat package.json > installed
FROM ${registry.host}/base:1 AS tools
RUN echo tool > /tool
FROM ${registry.host}/base:1
COPY --from=deps /app /app
RUN --mount=type=bind,from=tools,source=/tool,target=/tool cat /tool > /used
COPY app.js /app/
RUN cat /app/app.js > /out
`

  before(async function () {
    if (!has('docker-registry') || noSandbox() !== undefined) return this.skip()
    registry = await dockerRegistry()
    const first = await machine()
    await first.addBase()
    await first.expect(['push', '-q', 'base', `${registry.host}/base:1`])
  })
  after(async () => {
    for (const bench of benches) await bench[Symbol.asyncDispose]()
    benches = []
    await registry?.[Symbol.asyncDispose]()
  })

  /** A store and a context of its own, as on another machine. */
  async function machine(): Promise<Workbench> {
    const bench = await Workbench.create()
    benches.push(bench)
    bench.write('context/package.json', '{}')
    bench.write('context/app.js', 'app')
    return bench
  }

  const redone = ({ stderr }: Ended) => [...stderr.matchAll(/^#(\d+) not cached: /gm)].length
  const fetched = ({ stderr }: Ended) => [...stderr.matchAll(/^#\d+ \[internal\] fetch (\d+) layers/gm)].map(([, count]) => Number(count))

  async function builds(bench: Workbench, args: readonly string[]): Promise<Ended> {
    const ended = await bench.build(dockerfile(), args)
    assert.equal(ended.status, 0, ended.stderr)
    return ended
  }

  describe('in a registry', () => {
    let args: string[]
    let made: Ended
    before(async () => {
      const ref = `${registry.host}/app:cache`
      args = ['-t', `${registry.host}/app:1`, '--push', '--cache-from', ref]
      made = await builds(await machine(), [...args, '--cache-to', `type=registry,ref=${ref},mode=max`])
    })

    it('is empty before the first build, which is no error', () => assert.match(made.stderr, NO_CACHE_YET))

    it('lets another machine run no step and fetch no layer, and push the same image', async () => {
      const bench = await machine()
      const again = await builds(bench, args)
      assert.deepEqual([redone(again), fetched(again), again.stdout], [0, [], made.stdout], again.stderr)
      await provesSound(bench)
      // What it has not fetched comes when something reads it.
      assert.equal(await bench.expect(['run', `${registry.host}/app:1`, 'cat', '/out', '/used']), 'apptool')
      await provesSound(bench)
    })

    it('is not written again where it has all steps', async () => {
      const ended = await builds(await machine(), [...args, '--cache-to', `type=registry,ref=${registry.host}/app:cache,mode=max`])
      assert.equal(redone(ended), 0, ended.stderr)
      assert.equal((await tags('app')).filter((tag) => tag.startsWith('cache.')).length, 1)
    })

    it('gives the layers that a changed step needs, and no others', async () => {
      const bench = await machine()
      bench.write('context/app.js', 'changed')
      const ended = await builds(bench, args)
      assert.equal(redone(ended), 2, ended.stderr)
      assert.equal(
        fetched(ended).reduce((sum, count) => sum + count, 0),
        3,
        ended.stderr,
      ) // the base, and two that lie on it
      assert.match(ended.stderr, /COPY app\.js \/app\/\n#\d+ not cached: its files changed$/m)
    })

    it('is the image itself when it is inline', async () => {
      const name = `${registry.host}/inline:1`
      const inline = await builds(await machine(), ['-t', name, '--push', '--cache-to', 'type=inline'])
      const again = await builds(await machine(), ['-t', name, '--push', '--cache-from', name, '--cache-to', 'type=inline'])
      assert.equal(again.stdout, inline.stdout)
      // Steps of other stages are not in it, and what they give is the same again.
      assert.equal(redone(again), 4, again.stderr)
    })

    async function tags(repository: string): Promise<string[]> {
      const response = await fetch(`http://${registry.host}/v2/${repository}/tags/list`)
      return ((await response.json()) as { tags: string[] }).tags
    }

    it('is the images of an index when those are inline, each for the platform that it is for', async () => {
      const name = `${registry.host}/inline-several:1`
      const file = 'FROM scratch\nARG TARGETARCH\nCOPY app.js /$TARGETARCH\n'
      const build = async (platforms: string, more: readonly string[]) => {
        const ended = await (await machine()).build(file, [`--platform=${platforms}`, '--cache-to', 'type=inline', ...more])
        assert.equal(ended.status, 0, ended.stderr)
        return ended
      }
      const both = await build('linux/s390x,linux/arm64', ['-t', name, '--push'])
      const again = await build('linux/s390x,linux/arm64', ['--cache-from', name])
      assert.deepEqual([again.stdout, redone(again)], [both.stdout, 0])
      assert.equal(redone(await build('linux/arm64,linux/riscv64', ['--cache-from', name])), 1)
    })
    it('loses nothing of many that write it at once, and is put together again', async () => {
      const ref = `${registry.host}/many:cache`
      const writers = await Promise.all(Array.from({ length: 8 }, () => machine()))
      const file = (index: number) => `FROM ${registry.host}/base:1\nRUN echo ${index} > /n\n`
      const to = ['--cache-to', `type=registry,ref=${ref}`]
      const first = await Promise.all(writers.map((bench, index) => bench.build(file(index), to)))
      assert.deepEqual(
        first.map(({ status }) => status),
        first.map(() => 0),
        first.map(({ stderr }) => stderr).join('\n'),
      )
      const next = await machine()
      for (const index of [8, 9]) assert.equal((await next.build(file(index), to)).status, 0)
      assert.ok((await tags('many')).length <= 4, (await tags('many')).join())
      const reader = await machine()
      for (let index = 0; index < 10; index++) {
        const ended = await reader.build(file(index), ['--cache-from', ref])
        assert.deepEqual([ended.status, redone(ended), fetched(ended)], [0, 0, []], ended.stderr)
      }
    })

    it('that cannot be reached is a warning for --cache-from, and fails --cache-to unless that is to be ignored', async () => {
      const bench = await machine()
      const from = await builds(bench, ['--cache-from', '127.0.0.1:1/x'])
      assert.match(from.stderr, /^WARNING: CacheImport: --cache-from 127\.0\.0\.1:1\/x: cannot reach/m)
      const to = 'type=registry,ref=127.0.0.1:1/x'
      complains(await bench.build(dockerfile(), ['--cache-to', to]), { says: /cannot reach 127\.0\.0\.1:1/ })
      const ignored = await builds(bench, ['--cache-to', `${to},ignore-error=true`])
      assert.match(ignored.stderr, /^WARNING: CacheExport: --cache-to .*: cannot reach/m)
    })
  })

  describe('with the cache mounts of its steps', () => {
    const packages = (count: number) => `FROM ${registry.host}/base:1
RUN --mount=type=cache,id=npm,target=/cache,uid=7,gid=8,mode=0750 mkdir -p /cache/in; i=0; while [ $i -lt ${count} ]; do \\
  f=/cache/in/p$i; [ -e $f ] || { echo "made p$i"; echo "content of $i" > $f; chmod 640 $f; chown 7:8 $f; ln $f $f.hard; ln -s p$i $f.soft; }; i=$((i+1)); done; \\
  [ -e /cache/large ] || head -c 3000000 /dev/urandom > /cache/large; ls -ln /cache/in | cut -c1-30 | sort | uniq -c
`
    const made = ({ stderr }: Ended) => [...stderr.matchAll(/^#\d+ [\d.]+ made p\d+$/gm)].length
    /** What became of each blob of the export. */
    const exported = ({ stderr }: Ended): string[] => {
      const [, step] = /^#(\d+) \[cache\] export/m.exec(stderr) ?? []
      return [...stderr.matchAll(new RegExp(`^#${step} sha256:\\S+ (.*)$`, 'gm'))].map(([, note = '']) => note)
    }

    for (const [where, to, from] of [
      ['a registry', () => `type=registry,ref=${registry.host}/mounts:cache`, () => `${registry.host}/mounts:cache`],
      ['a folder', (folder: string) => `type=local,dest=${folder}`, (folder: string) => `type=local,src=${folder}`],
    ] as const)
      it(`in ${where} gives another machine what they held, and takes only what changed`, async () => {
        const first = await machine()
        const folder = `${first.folder}/cache`
        const flags = ['--cache-from', from(folder), '--cache-to', `${to(folder)},mounts=true`]
        const ended = await first.build(packages(300), flags)
        assert.deepEqual([ended.status, made(ended)], [0, 300], ended.stderr)
        const second = await machine()
        const more = await second.build(packages(303), flags)
        assert.deepEqual([more.status, made(more)], [0, 3], more.stderr)
        assert.match(more.stderr, / 606 -rw-r----- +2 7 +8/)
        const sent = exported(more).filter((note) => note !== 'exists')
        // Three files more: directories and links, the chunk of each file, and the list. Not what is large.
        if (where === 'a registry') assert.ok(sent.length <= 6 && !sent.some((note) => note.endsWith('MB')), more.stderr)
        await provesSound(second)
        const third = await machine()
        const again = await third.build(packages(303), ['--no-cache=steps', ...flags])
        assert.deepEqual([again.status, made(again)], [0, 0], again.stderr)
      })
  })

  describe('in a folder', () => {
    it('serves another store, grows by what is new, and is written whole', async () => {
      const bench = await machine()
      const folder = `${bench.folder}/cache`
      const to = ['--cache-to', `type=local,dest=${folder},mode=max`]
      const made = await builds(bench, [...to, '--cache-from', `type=local,src=${folder}`])
      assert.match(made.stderr, NO_CACHE_YET)
      const other = await machine()
      const again = await builds(other, ['--cache-from', `type=local,src=${folder}`])
      assert.deepEqual([redone(again), again.stdout], [0, made.stdout], again.stderr)
      other.write('context/app.js', 'changed')
      await builds(other, [...to, '--cache-from', `type=local,src=${folder}`])
      const third = await machine()
      for (const content of ['app', 'changed']) {
        third.write('context/app.js', content)
        assert.equal(redone(await builds(third, ['--cache-from', `type=local,src=${folder}`])), 0)
      }
    })

    for (const [what, damage] of [
      ['without its layers', (folder: string) => rmSync(`${folder}/blobs`, { recursive: true })],
      ['that is no JSON', (folder: string) => writeFileSync(`${folder}/index.json`, '{')],
    ] as const)
      it(`${what} is a warning, and the build goes on`, async () => {
        const bench = await machine()
        const folder = `${bench.folder}/cache`
        await builds(bench, ['--cache-to', `type=local,dest=${folder}`])
        damage(folder)
        const other = await machine()
        const ended = await builds(other, ['--cache-from', `type=local,src=${folder}`])
        assert.match(ended.stderr, /^WARNING: CacheImport: /m)
        await provesSound(other)
      })

    it('whose records lie about a layer does not get it past the check of its bytes', async () => {
      const bench = await machine()
      const folder = `${bench.folder}/cache`
      await builds(bench, ['--cache-to', `type=local,dest=${folder},mode=max`])
      const blobs = `${folder}/blobs/sha256`
      for (const name of readdirSync(blobs)) {
        const bytes = readFileSync(`${blobs}/${name}`)
        if (bytes[0] !== 0x7b) writeFileSync(`${blobs}/${name}`, Buffer.alloc(bytes.length, 1))
      }
      const other = await machine()
      const ended = await other.build(dockerfile(), ['--cache-from', `type=local,src=${folder}`])
      complains(ended, { says: /not its content/ })
      await provesSound(other)
    })
  })

  for (const [flag, says] of [
    ['--cache-to=type=gha', /type=gha is not supported: /],
    ['--cache-to=type=s3,bucket=x', /type=s3 is not supported: /],
    ['--cache-from=type=azblob', /type=azblob is not supported: /],
    ['--cache-to=type=regsitry,ref=x', /type=regsitry is not known/],
    ['--cache-to=type=registry', /ref is missing/],
    ['--cache-to=type=local', /dest is missing/],
    ['--cache-from=type=local', /src is missing/],
    ['--cache-from=type=inline', /an inline cache is in an image/],
    ['--cache-to=type=registry,ref=x,mode=mid', /mode=mid is not known/],
    ['--cache-to=type=registry,ref=x,refs=y', /refs is not known for registry/],
    ['--cache-to=type=registry,ref=x,compression=estargz', /compression is always gzip/],
    ['--cache-to=type=registry,ref=x,"', /a quote is not closed/],
    ['--cache-from=UPPER', /not an image reference: "UPPER"/],
  ] as const)
    it(`refuses ${flag}`, async () => {
      const bench = benches[0] ?? (await machine())
      complains(await bench.build('FROM scratch\n', [flag]), { status: 2, says })
      assert.ok(existsSync(bench.context) || mkdirSync(bench.context))
    })
})
