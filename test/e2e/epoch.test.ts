import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { Cli, type RunOptions } from '../../fixtures/cli.ts'
import { seeImage } from '../../fixtures/image-tree.ts'
import { SourceServer } from '../../fixtures/source-server.ts'
import { tarOf } from '../../fixtures/tars.ts'

const hasGit = spawnSync('git', ['--version']).status === 0
const EPOCH = 1_000_000_000
const iso = (seconds: number) => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')

describe('SOURCE_DATE_EPOCH', function () {
  this.timeout(60_000)
  let cli: Cli
  let server: SourceServer
  before(async () => {
    cli = new Cli('epoch')
    server = await SourceServer.start(join(cli.folder, 'served'))
  })
  after(async () => {
    await server[Symbol.asyncDispose]()
    await cli[Symbol.asyncDispose]()
  })

  /** When the image says that it was made. */
  async function created(dockerfile: string, args: readonly string[] = [], options: RunOptions = {}): Promise<string> {
    const context = args.includes('--') ? args.slice(args.indexOf('--') + 1) : [cli.context({ Dockerfile: dockerfile, file: 'x' })]
    const flags = args.includes('--') ? args.slice(0, args.indexOf('--')) : args
    const digest = await cli.ok(['build', '--progress=plain', ...flags, ...context], options)
    return String((seeImage(cli.store, digest).config as unknown as { created?: string }).created)
  }
  async function refused(dockerfile: string, args: readonly string[], message: RegExp): Promise<void> {
    const ended = await cli.run(['build', ...args, cli.context({ Dockerfile: dockerfile, file: 'x' })])
    assert.notEqual(ended.status, 0)
    assert.match(ended.stderr, message)
  }
  const COPY = 'FROM scratch\nCOPY file /\n'
  const isNow = (time: string) => assert.ok(Math.abs(Date.parse(time) - Date.now()) < 600_000, time)

  it('comes from --build-arg, the environment, or the ARG before the first FROM, in this order', async () => {
    assert.equal(await created(`ARG SOURCE_DATE_EPOCH=${EPOCH}\n${COPY}`), iso(EPOCH))
    assert.equal(await created(`ARG SOURCE_DATE_EPOCH=1\n${COPY}`, [], { env: { SOURCE_DATE_EPOCH: String(EPOCH) } }), iso(EPOCH))
    const both = { env: { SOURCE_DATE_EPOCH: '5' } }
    assert.equal(await created(`ARG SOURCE_DATE_EPOCH=1\n${COPY}`, ['--build-arg', `SOURCE_DATE_EPOCH=${EPOCH}`], both), iso(EPOCH))
    assert.equal(await created(`ARG s=${EPOCH}\nARG SOURCE_DATE_EPOCH=$s\n${COPY}`), iso(EPOCH))
  })
  it('that is empty is none', async () => isNow(await created(`ARG SOURCE_DATE_EPOCH=1\n${COPY}`, ['--build-arg', 'SOURCE_DATE_EPOCH='])))
  it('of an ARG inside a stage is that of the stage alone', async () =>
    isNow(await created(`FROM scratch\nARG SOURCE_DATE_EPOCH=1\nCOPY file /\n`)))
  it('that is no time is refused where it stands', async () => {
    await refused(
      `ARG SOURCE_DATE_EPOCH=tomorrow\n${COPY}`,
      [],
      /1 \| >>> ARG SOURCE_DATE_EPOCH=tomorrow[\s\S]*invalid SOURCE_DATE_EPOCH: tomorrow/,
    )
    await refused(COPY, ['--build-arg', 'SOURCE_DATE_EPOCH=tomorrow'], /invalid SOURCE_DATE_EPOCH: tomorrow/)
  })

  it('is the time of every file that goes to a folder or a tar', async () => {
    const context = cli.context({ Dockerfile: `FROM scratch\nCOPY file /d/\nCOPY file /\n`, file: 'x' })
    const env = { SOURCE_DATE_EPOCH: String(EPOCH) }
    const [folder, tar] = [join(cli.folder, 'dated'), join(cli.folder, 'dated.tar')]
    await cli.ok(['build', '-q', '-o', `type=local,dest=${folder}`, '-o', `type=tar,dest=${tar}`, context], { env })
    for (const name of ['d', 'd/file', 'file']) assert.equal(statSync(join(folder, name)).mtimeMs, EPOCH * 1000, name)
    const listed = spawnSync('tar', ['--full-time', '--utc', '-tvf', tar], { encoding: 'utf8' }).stdout.trim().split('\n')
    assert.equal(listed.length, 3)
    for (const line of listed) assert.match(line, / 2001-09-09 01:46:40 /)
  })

  describe('that names where it comes from', () => {
    it('is none for a folder', async () => isNow(await created(COPY, ['--build-arg', 'SOURCE_DATE_EPOCH=context'])))
    it('is the newest file of a tar', async () => {
      const members = [
        { path: 'Dockerfile', content: COPY, mtime: EPOCH - 5 },
        { path: 'file', content: 'x', mtime: EPOCH },
      ]
      assert.equal(await created('', ['--build-arg', 'SOURCE_DATE_EPOCH=context', '--', '-'], { input: tarOf(members) }), iso(EPOCH))
    })
    it('is the Last-Modified of a tar behind a URL', async () => {
      const url = server.file(
        'context.tar',
        tarOf([
          { path: 'Dockerfile', content: COPY },
          { path: 'file', content: 'x' },
        ]),
      )
      assert.equal(await created('', ['--build-arg', 'SOURCE_DATE_EPOCH=context', '--', url]), '2020-01-01T00:00:00Z')
    })
    it('is the time of a commit, and what stages see is a number', async function () {
      if (!hasGit) return this.skip()
      const dockerfile = 'ARG SOURCE_DATE_EPOCH=context\nFROM scratch\nARG SOURCE_DATE_EPOCH\nLABEL epoch=$SOURCE_DATE_EPOCH\nCOPY file /\n'
      server.repository('dated', { Dockerfile: dockerfile, file: 'x' })
      const time = spawnSync('git', ['-C', join(server.folder, 'dated.git'), 'log', '-1', '--format=%ct'], {
        encoding: 'utf8',
      }).stdout.trim()
      const digest = await cli.ok(['build', '-q', '-t', 'dated', `${server.url('dated.git')}`])
      assert.match(digest, /^sha256:/)
      const config = JSON.stringify(JSON.parse(await cli.ok(['inspect', 'dated'])))
      assert.ok(config.includes(`"epoch":"${time}"`), config)
      assert.ok(config.includes(`"created":"${iso(Number(time))}"`), config)
    })
    it('is that of a named context', async () => {
      const url = server.file('named.tar', tarOf([{ path: 'f', content: 'x' }]), 'Thu, 02 Jan 2020 00:00:00 GMT')
      assert.equal(await created(COPY, ['--build-context', `src=${url}`, '--build-arg', 'SOURCE_DATE_EPOCH=src']), '2020-01-02T00:00:00Z')
    })
    it('is that of a stage with one ADD of a URL', async () => {
      const url = server.file('stage.txt', 'x', 'Fri, 03 Jan 2020 00:00:00 GMT')
      const stage = `FROM scratch AS src\nARG host=${url}\nADD $host /\n`
      assert.equal(await created(`${stage}${COPY}`, ['--build-arg', 'SOURCE_DATE_EPOCH=src']), '2020-01-03T00:00:00Z')
      await refused(
        `FROM scratch AS src\nADD ${url} /\nCOPY file /\n${COPY}`,
        ['--build-arg', 'SOURCE_DATE_EPOCH=src'],
        /the stage src has no time/,
      )
    })
  })
})
