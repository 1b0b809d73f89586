import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Cli, type ContextFiles, type User } from '../../fixtures/cli.ts'
import { dockerRegistry, has } from '../registry/remote/docker-registry.ts'

const EPOCH = 1_705_000_000 // 2024-01-11, after the base and the context
const FILES: ContextFiles = {
  'src/a': 'a',
  'src/b': { content: 'b', mode: 0o755 },
  'src/link': { symlink: 'a' },
  'src/same': { hardlink: 'src/a' },
  big: 'a line that repeats\n'.repeat(200_000), // several members of gzip
}
const COPIES = `FROM scratch AS files
COPY --chown=5:6 src /made/on/the/way/
COPY <<EOF /heredoc
text
EOF
WORKDIR /also/made
COPY big .
FROM busybox
COPY --from=files / /opt/
LABEL a=b
`
const COMMANDS = `FROM busybox AS build
WORKDIR /app
COPY src src
RUN mkdir -p out/deep && cp -r src out && date > /dev/null && chown -R 10:20 out && ln out/src/a out/hard && rm /etc/group && touch /now
FROM busybox
COPY --from=build /app/out /out
WORKDIR /made/by/workdir
COPY src/a /made/by/copy/
RUN chmod 700 /out/deep && rm -rf /var/tmp && mkdir /var/tmp /new && echo x > /new/file
CMD ["true"]
`

/** The same build in `count` fresh stores, one after the other, with some time between. */
async function inFreshStores(count: number, build: (cli: Cli, index: number) => Promise<string>): Promise<string[]> {
  const digests: string[] = []
  for (let index = 0; index < count; index++) {
    await using cli = await Cli.withBusybox('fresh')
    digests.push(await build(cli, index))
    await sleep(1100) // so that no two have the same second
  }
  return digests
}

/** The first ordinary user with a range of subordinate ids; undefined when there is none, or the caller is not root. */
function otherUser(): User | undefined {
  if (process.getuid?.() !== 0 || !existsSync('/etc/subuid')) return undefined
  const withRanges = new Set(
    readFileSync('/etc/subuid', 'utf8')
      .split('\n')
      .map((line) => line.split(':')[0]),
  )
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  const [name = '', , uid, gid] =
    users.find(([candidate = '']) => candidate !== '' && candidate !== 'root' && withRanges.has(candidate)) ?? []
  return name === '' ? undefined : { name, uid: Number(uid), gid: Number(gid) }
}

const same = (digests: readonly string[]) => assert.deepEqual(new Set(digests), new Set(digests.slice(0, 1)))

describe('builds of the same files in fresh stores', () => {
  const rewritten = ['-o', 'type=image,rewrite-timestamp=true']
  const env = { SOURCE_DATE_EPOCH: String(EPOCH) }
  const context = (dockerfile: string) => ({ dockerfile, files: FILES })

  it('that only copy have equal layers without being asked', async () => {
    same(
      await inFreshStores(2, async (cli) =>
        (await cli.build(context(COPIES))).image.manifest.layers.map((layer) => layer.digest).join(' '),
      ),
    )
  })
  it('that only copy are equal with SOURCE_DATE_EPOCH', async () => {
    same(await inFreshStores(2, async (cli) => (await cli.build(context(COPIES), { env })).digest))
  })
  it('that run commands are equal with SOURCE_DATE_EPOCH and rewrite-timestamp', async () => {
    same(await inFreshStores(2, async (cli) => (await cli.build(context(COMMANDS), { env, args: rewritten })).digest))
  })
  it('are equal in a store that has built them before without, and for another time', async () => {
    const build = async (cli: Cli, index: number) => {
      if (index > 0) await cli.build(context(COMMANDS))
      if (index > 0) await cli.build(context(COMMANDS), { env: { SOURCE_DATE_EPOCH: String(EPOCH + 1000) } })
      return (await cli.build(context(COMMANDS), { env, args: rewritten })).digest
    }
    same(await inFreshStores(2, build))
  })
  it('are equal whatever does the work, and with one step at a time or two', async () => {
    const ways = [{}, { TSBUILD_NATIVE: 'helper' }]
    const build = async (cli: Cli, index: number) =>
      (await cli.build(context(COMMANDS), { env: { ...env, ...ways[index] }, args: [...rewritten, `--jobs=${index + 1}`] })).digest
    same(await inFreshStores(ways.length, build))
  })
  it('are equal for root and for an ordinary user', async function () {
    const user = otherUser()
    if (user === undefined) this.skip() // only root can be somebody else, and somebody with subordinate ids is needed
    const build = async (as: User | undefined) => {
      await using cli = await Cli.withBusybox('somebody', as)
      const [commands, copies] = [await cli.build(context(COMMANDS), { env, args: rewritten }), await cli.build(context(COPIES))]
      return [commands.digest, ...copies.image.manifest.layers.map((layer) => layer.digest)]
    }
    assert.deepEqual(await build(user), await build(undefined))
  })
  it('have no time later than the epoch, and keep earlier ones', async () => {
    await using cli = await Cli.withBusybox('epoch')
    const { image } = await cli.build(context(COMMANDS), { env, args: rewritten })
    const members = image.layers.flat()
    assert.equal(Math.max(...members.map((member) => member.mtime)), EPOCH)
    assert.deepEqual(members.find(({ path }) => path === 'out/src/a')?.mtime, EPOCH)
    assert.equal(image.config.created, new Date(EPOCH * 1000).toISOString().replace('.000', ''))
    assert.ok(image.config.history.every(({ created = '' }) => Date.parse(created) <= EPOCH * 1000))
    const base = image.config.history.filter((entry) => entry.comment !== 'buildkit.dockerfile.v0')
    assert.deepEqual(
      base.map((entry) => entry.created),
      ['2024-01-01T00:00:00Z'],
    )
  })
  it('date the image by when it was made, without SOURCE_DATE_EPOCH', async () => {
    await using cli = await Cli.withBusybox('dated')
    const before = Date.now()
    const { image } = await cli.build(context(COMMANDS))
    const created = Date.parse(image.config.created ?? '')
    assert.ok(created >= before && created <= Date.now(), image.config.created)
  })
})

describe('the digest that build prints', () => {
  it('is that in the registry after push, and that of who pulls it', async function () {
    if (!has('docker-registry')) this.skip()
    await using registry = await dockerRegistry()
    await using cli = await Cli.withBusybox('pushed')
    const name = `${registry.host}/app:1`
    const { digest } = await cli.build({ dockerfile: COMMANDS, files: FILES }, { args: ['-t', name, '--push'] })
    const answer = await fetch(`http://${registry.host}/v2/app/manifests/1`, {
      headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
    })
    assert.equal(answer.headers.get('docker-content-digest'), digest)
    await using other = new Cli('puller')
    assert.equal(await other.ok(['pull', '-q', name]), digest)
    assert.equal(await other.ok(['push', '-q', name, `${registry.host}/copy:2`]), digest)
  })
})
