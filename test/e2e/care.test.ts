import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync, statSync, utimesSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { filesBelow } from '../../registry/store/cache-files.ts'
import { complains } from './failing.ts'
import { provesSound } from './kill-support.ts'
import { type Ended, type Workbench, withBench } from './workbench.ts'

const MIB = 1 << 20
const DAY_S = 24 * 60 * 60
const DOCKERFILE = `FROM base
RUN --mount=type=cache,id=parts,target=/c head -c ${2 * MIB} /dev/urandom > /c/part
COPY data /data
RUN cat /data > /copy
`

interface Row {
  readonly id: string
  readonly type: string
  readonly description: string
  readonly bytes: number
  readonly reclaimable: boolean
  readonly shared: boolean
  readonly lastUsed: string
}

describe('the care of a store', function () {
  this.timeout(180_000)
  let bench: Workbench
  withBench((opened) => {
    bench = opened
  })
  beforeEach(async () => {
    await bench.expect(['prune', '--all'])
    await bench.addBase()
    bench.write('context/data', randomBytes(3 * MIB))
  })
  afterEach(() => provesSound(bench))

  const builds = async (
    dockerfile = DOCKERFILE,
    args: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Ended> => {
    const ended = await bench.build(dockerfile, args, { env })
    assert.equal(ended.status, 0, ended.stderr)
    return ended
  }
  const rows = async (...args: string[]): Promise<Row[]> => {
    const text = await bench.expect(['du', '--format=json', ...args])
    return text === '' ? [] : text.split('\n').map((line) => JSON.parse(line) as Row)
  }
  const sizes = async (...args: string[]): Promise<Record<string, number>> => {
    const sums: Record<string, number> = {}
    for (const { type, bytes } of await rows(...args)) sums[type] = (sums[type] ?? 0) + bytes
    return sums
  }
  const cached = ({ stderr }: Ended) => stderr.match(/ CACHED$/gm)?.length ?? 0
  const records = () =>
    readdirSync(join(bench.store, 'cache/steps'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.length > 60)
      .map((name) => join(bench.store, 'cache/steps', name))
  const age = (paths: readonly string[], days: number) => {
    const time = Date.now() / 1000 - days * DAY_S
    for (const path of paths) utimesSync(path, time, time)
  }
  /** Of the whole folder, told by another program. */
  const onDisk = () => {
    const { stdout } = spawnSync('du', ['-s', '-B1', bench.store], { encoding: 'utf8' })
    return Number(stdout.split('\t')[0])
  }

  it('tells what takes how much, and what of it may go', async () => {
    await builds()
    const found = await sizes()
    const near = (kind: string, mib: number) => {
      const bytes = found[kind] ?? 0
      assert.ok(bytes >= mib * MIB && bytes < (mib + 1) * MIB, `${kind}: ${bytes} bytes, not about ${mib} MiB`)
    }
    near('step', 6)
    near('mount', 2)
    assert.ok((found.snapshot ?? 0) >= 6 * MIB)
    assert.ok((found.image ?? 0) > 0)
    const all = await rows()
    assert.deepEqual([...new Set(all.filter(({ reclaimable }) => !reclaimable).map(({ type }) => type))].sort(), ['explain', 'image'])
    assert.deepEqual(
      all.filter(({ type }) => type === 'mount').map(({ description }) => description),
      ['cache mount /parts'],
    )
    assert.ok(all.some(({ type, description }) => type === 'step' && description === 'COPY data /data'))
    const sum = all.reduce((total, { bytes }) => total + bytes, 0)
    assert.ok(Math.abs(sum - onDisk()) < MIB, `${sum} bytes told, ${onDisk()} on the disk`)
    assert.match(await bench.expect(['du']), /^TYPE +COUNT +SIZE +RECLAIMABLE +LAST USED\nimage +1 /)
    assert.match(await bench.expect(['du', '--verbose']), /^[0-9a-f]{12} +step +true +3\.\d+MB +\S+ +COPY data \/data$/m)
  })

  it('keeps what explains steps, and what was downloaded, as long as it is of use', async () => {
    const server = createServer((_request, response) => response.end(randomBytes(2 * MIB))).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/big`
    await builds(`FROM base\nCOPY data /data\nADD ${url}?token=secret /big\n`)
    server.close()
    const explaining = () => ['lists', 'kin', 'last', 'builds'].map((name) => filesBelow(join(bench.store, 'cache', name)).length > 0)
    await bench.expect(['prune'])
    const kept = await rows()
    assert.deepEqual(explaining(), [true, true, true, true])
    const [download] = kept.filter(({ type }) => type === 'download')
    assert.deepEqual([download?.description, (download?.bytes ?? 0) > 2 * MIB], [url, true])
    assert.match(await bench.expect(['prune', '--filter', 'type=download']), /^removed 1 download: 2\.\d+MB$/)
    assert.equal((await rows('--filter', 'type=step')).length, 2)
    await bench.expect(['prune', '--filter', 'type=step'])
    assert.deepEqual([explaining(), Object.keys(await sizes())], [[false, false, false, false], ['image']])
  })

  it('calls what a named image needs shared, and leaves it', async () => {
    await builds(DOCKERFILE, ['-t', 'app'])
    const steps = (await rows()).filter(({ type }) => type === 'step')
    assert.deepEqual(
      steps.map(({ shared, reclaimable }) => [shared, reclaimable]),
      [
        [true, false],
        [true, false],
        [true, false],
      ],
    )
    await bench.expect(['prune', '--keep-storage=0'])
    assert.deepEqual(Object.keys(await sizes()).sort(), ['explain', 'image', 'step'])
    assert.equal(cached(await builds()), 3)
    assert.equal(await bench.expect(['run', 'app', 'wc', '-c', '/copy']), `${3 * MIB} /copy`)
  })

  it('removes what a filter says and nothing else', async () => {
    await builds()
    const before = await rows()
    assert.match(
      await bench.expect(['prune', '--filter', 'type=exec.cachemount', '--dry-run']),
      /\nwould remove 2 leftovers and 1 mount: 2\.\d+MB$/,
    )
    assert.deepEqual(await rows(), before)
    assert.match(await bench.expect(['prune', '--filter', 'type=exec.cachemount', '-f']), /^removed 2 leftovers and 1 mount: 2\.\d+MB$/)
    const kinds = await sizes()
    assert.deepEqual([kinds.mount, (kinds.step ?? 0) > 6 * MIB, (kinds.snapshot ?? 0) > 6 * MIB], [undefined, true, true])
    const [copy] = before.filter(({ description }) => description === 'COPY data /data')
    await bench.expect(['prune', '--filter', `id=${copy?.id.slice(0, 12)}`])
    assert.deepEqual((await rows('--filter', 'type=step')).map(({ description }) => description.split(' ')[0]).sort(), ['RUN', 'RUN'])
    assert.equal(cached(await builds()), 2)
  })

  it('removes by age what was not used, and not what was', async () => {
    await builds()
    await builds('FROM base\nRUN echo other > /other\n')
    age(records(), 3)
    assert.equal(cached(await builds()), 3)
    await bench.expect(['prune', '--filter', 'until=24h', '--filter', 'type=step'])
    assert.equal(cached(await builds()), 3)
    assert.equal(cached(await builds('FROM base\nRUN echo other > /other\n')), 0)
  })

  it('begins at the end of a chain, so that what stays is of use', async () => {
    await builds()
    const layers = (await rows('--filter', 'type=step')).map(({ bytes }) => bytes)
    const [one = 0] = layers.filter((bytes) => bytes > MIB)
    await bench.expect(['prune', '--filter', 'type=regular', '--filter', 'type=mount', '--keep-storage', String(one + MIB)])
    const left = (await rows('--filter', 'type=step')).map(({ description }) => description.slice(0, 9)).sort()
    assert.deepEqual(left, ['COPY data', 'RUN --mou'])
  })

  it('keeps ten rebuilds of an application near the bytes that changed', async () => {
    const dockerfile = 'FROM base\nCOPY data /data\nRUN cat /data > /copy\nCOPY source /source\nRUN cat /source > /made\n'
    const build = async () => {
      bench.write('context/source', randomBytes(MIB / 4))
      await builds(dockerfile, ['-t', 'app'])
    }
    await build()
    const first = onDisk()
    for (let round = 0; round < 10; round++) await build()
    const changed = 10 * 2 * (MIB / 4) // two layers
    // Each is there packed and unpacked.
    assert.ok(onDisk() - first < 2.3 * changed, `${onDisk() - first} more bytes for ${changed} changed ones`)
    await bench.expect(['prune', '--filter', 'type=snapshot'])
    await bench.expect(['prune', '--keep-storage', String(MIB)])
    assert.ok(onDisk() < first, `${onDisk()} bytes; ${first} after the first build`)
    assert.equal(cached(await builds(dockerfile)), 4)
  })

  it('goes on by itself after builds that did something', async () => {
    const limit = 6 * MIB
    const env = { TSBUILD_GC_MAX_USED_SPACE: String(limit), TSBUILD_GC_RESERVED_SPACE: '0', TSBUILD_GC_MIN_FREE_SPACE: '0' }
    const said: string[] = []
    for (let round = 0; round < 6; round++) {
      bench.write('context/data', randomBytes(2 * MIB))
      said.push((await builds('FROM base\nCOPY data /data\nRUN cat /data > /copy\n', ['-t', 'app'], env)).stderr)
      const cache = (await rows()).filter(({ type }) => type !== 'image').reduce((sum, { bytes }) => sum + bytes, 0)
      assert.ok(cache <= 1.1 * limit, `${cache} bytes of cache, ${limit} allowed`)
      await provesSound(bench)
    }
    assert.ok(
      said.some((text) => /^removed .*snapshot.* to keep the cache within 6\.29MB$/m.test(text)),
      said.join('\n'),
    )
    assert.equal(await bench.expect(['run', 'app', 'wc', '-c', '/copy']), `${2 * MIB} /copy`)
  })

  it('does nothing after a build that found everything, nor when it is switched off', async () => {
    await builds(DOCKERFILE, [], { TSBUILD_GC: 'off', TSBUILD_GC_MAX_USED_SPACE: '1', TSBUILD_GC_RESERVED_SPACE: '0' })
    assert.ok(
      !readdirSync(join(bench.store, 'cache')).includes('usage') || statSync(join(bench.store, 'cache/usage')).mtimeMs < Date.now() - 1,
    )
    await builds('FROM base\nRUN echo 1 > /one\n')
    const before = readFileSync(join(bench.store, 'cache/usage'), 'utf8')
    const env = { TSBUILD_GC_MAX_USED_SPACE: '1', TSBUILD_GC_RESERVED_SPACE: '0' }
    assert.equal(cached(await builds(DOCKERFILE, [], env)), 3)
    assert.equal(readFileSync(join(bench.store, 'cache/usage'), 'utf8'), before)
    assert.equal(cached(await builds()), 3)
  })

  it('refuses what it cannot read, before anything is built or removed', async () => {
    await builds()
    const before = await rows()
    for (const [args, says] of [
      [['prune', '--filter', 'color=red'], /--filter "color=red" is not known/],
      [['prune', '--filter', 'until=tomorrow'], /--filter "until=tomorrow" is no duration/],
      [['prune', '--filter', 'type=exec.cachemout'], /--filter "type=exec.cachemout" is no type/],
      [['prune', '--filter', 'id~=('], /--filter "id~=\(" is no regular expression/],
      [['prune', '--filter', 'shared=perhaps'], /--filter "shared=perhaps" takes true or false/],
      [['prune', '--keep-storage', 'much'], /--keep-storage=much is no size/],
      [['prune', '--max-used-space', '101%'], /--max-used-space=101% is no size/],
      [['prune', '--keep-storage', '1', '--reserved-space', '1'], /--keep-storage and --reserved-space are the same/],
      [['du', '--format', 'yaml'], /--format=yaml is not known/],
    ] as const)
      complains(await bench.run(args), { status: 2, says, hint: /./ })
    for (const [name, value] of [
      ['TSBUILD_GC', 'perhaps'],
      ['TSBUILD_GC_MAX_USED_SPACE', '10 parsecs'],
    ] as const)
      complains(await bench.build(DOCKERFILE, [], { env: { [name]: value } }), {
        status: 2,
        says: new RegExp(`^${name}=${value} is `),
        hint: /./,
      })
    assert.deepEqual(await rows(), before)
  })
})
