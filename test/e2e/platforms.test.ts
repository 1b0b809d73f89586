import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Cli, type Finished, outputOf } from '../../fixtures/cli.ts'
import { manifestOf, seeImage } from '../../fixtures/image-tree.ts'
import { Podman } from '../../fixtures/podman.ts'
import { readTar } from '../../fixtures/tar-reader.ts'
import { platformOfArch } from '../../registry/oci/platform.ts'
import { type DockerRegistry, dockerRegistry, has } from '../registry/remote/docker-registry.ts'

const OWN = platformOfArch(process.arch).architecture
const OTHER = OWN === 'arm64' ? 'amd64' : 'arm64'
const PLATFORMS = ['linux/s390x', `linux/${OWN}`, `linux/${OTHER}`, 'linux/arm/v7']

/** Runs only what this machine executes: one stage for all, and one for its own platform. */
const DOCKERFILE = `FROM --platform=$BUILDPLATFORM busybox AS tool
RUN echo "made on $(uname -m)" > /note; head -c 16 /dev/urandom | sha256sum > /once
FROM --platform=$BUILDPLATFORM tool AS cross
ARG TARGETARCH TARGETVARIANT
RUN echo "for $TARGETARCH$TARGETVARIANT" > /target
FROM busybox AS for-${OWN}
FROM scratch AS for-${OTHER}
FROM scratch AS for-s390x
FROM scratch AS for-arm
FROM for-$TARGETARCH
COPY --from=tool /once /note /
COPY --from=cross /target /
CMD ["cat", "/target"]
`

interface Index {
  readonly mediaType: string
  readonly manifests: { digest: string; mediaType: string; platform: { os: string; architecture: string; variant?: string } }[]
}

describe('a build for several platforms', function () {
  this.timeout(120_000)
  let cli: Cli
  let context: string
  before(async () => {
    cli = await Cli.withBusybox('platforms')
    context = cli.context({ Dockerfile: DOCKERFILE })
  })
  after(() => cli?.[Symbol.asyncDispose]())

  const build = async (args: readonly string[], platforms = PLATFORMS.join()): Promise<Finished> =>
    cli.run(['build', '--progress=plain', `--platform=${platforms}`, ...args, context])
  async function built(args: readonly string[], platforms?: string): Promise<Finished & { digest: string; index: Index }> {
    const ended = await build(args, platforms)
    assert.equal(ended.status, 0, ended.stderr)
    const digest = ended.stdout.trim()
    return { ...ended, digest, index: JSON.parse(readFileSync(join(cli.store, 'blobs', digest.replace(':', '/')), 'utf8')) }
  }
  const platformsOf = ({ manifests }: Index) =>
    manifests.map(({ platform: { os, architecture, variant } }) =>
      [os, architecture, ...(variant === undefined ? [] : [variant])].join('/'),
    )

  it('is an index of images, in the order that was asked for, each once, whose configs say the same', async () => {
    const { index } = await built(['--platform=linux/s390x'])
    assert.deepEqual([index.mediaType, platformsOf(index)], ['application/vnd.oci.image.index.v1+json', PLATFORMS])
    for (const { digest, platform } of index.manifests) {
      const { os, architecture, variant } = seeImage(cli.store, digest).config as unknown as Index['manifests'][number]['platform']
      assert.deepEqual({ os, architecture, ...(variant !== undefined && { variant }) }, platform)
    }
  })
  it('runs once what does not depend on the platform, and the rest once each', async () => {
    const { index, stderr } = await built(['--no-cache'])
    const trees = index.manifests.map(({ digest }) => seeImage(cli.store, digest).tree)
    const contents = (path: string) => new Set(trees.map((tree) => tree.get(path)?.sha256))
    assert.deepEqual([contents('once').size, contents('target').size], [1, 4])
    const runs = [...stderr.matchAll(/^#\d+ (\[.*\]) RUN/gm)].map(([, name]) => name)
    const own = `linux/${OWN}`
    assert.deepEqual(
      runs.sort(),
      [`[${own} cross 1/1]`, `[${own} tool 2/2]`, ...['arm/v7', 's390x', OTHER].map((to) => `[${own}->${to} cross 1/1]`)].sort(),
    )
  })
  it('finds everything the next time, and gives the same index', async () => {
    const [first, second] = [await built([]), await built([])]
    assert.equal(second.digest, first.digest)
    assert.doesNotMatch(second.stderr, /DONE/)
  })
  it('compares a step with what it was for its own platform', async () => {
    const folder = cli.context({
      Dockerfile: 'FROM scratch\nARG TARGETARCH\nCOPY own-$TARGETARCH all /\n',
      all: '1',
      'own-arm64': '1',
      'own-s390x': '1',
    })
    const build = async () =>
      (await cli.run(['build', '--progress=plain', '--jobs=1', '--platform=linux/arm64,linux/s390x', folder])).stderr
    const causes = (text: string) => [...text.matchAll(/^#\d+ not cached: (.*)$/gm)].map(([, cause]) => cause)
    assert.deepEqual(causes(await build()), ['never done before', 'never done before'])
    writeFileSync(join(folder, 'own-s390x'), '2')
    assert.deepEqual(causes(await build()), ['own-s390x changed: 6b86b273ff34 -> d4735e3a265e'])
  })
  it('is no index when it is one platform, however often that is said', async () => {
    const { index } = await built([], `linux/${OWN},local`)
    assert.equal(index.mediaType, 'application/vnd.oci.image.manifest.v1+json')
  })
  it('writes what buildx writes into its files, and prints with -q the same', async () => {
    const [iid, meta] = [join(cli.folder, 'iid'), join(cli.folder, 'meta')]
    const { digest } = await built(['-t', 'several', '--iidfile', iid, '--metadata-file', meta])
    const size = readFileSync(join(cli.store, 'blobs', digest.replace(':', '/'))).length
    assert.equal(readFileSync(iid, 'utf8'), digest)
    assert.deepEqual(JSON.parse(readFileSync(meta, 'utf8')), {
      'containerimage.descriptor': { mediaType: 'application/vnd.oci.image.index.v1+json', digest, size },
      'containerimage.digest': digest,
      'image.name': 'docker.io/library/several:latest',
    })
    assert.equal((await build(['-q'])).stdout, `${digest}\n`)
  })
  it('is a base for the platform that asks, and is run by this machine', async () => {
    await built(['-t', 'several'])
    assert.equal(await cli.ok(['run', 'several']), `for ${OWN}`)
    const dockerfile = 'FROM several\nCOPY --from=several /target /again\n'
    const { image } = await cli.build({ dockerfile }, { args: ['--platform=linux/s390x'] })
    assert.equal(image.tree.get('again')?.sha256, image.tree.get('target')?.sha256)
    assert.match(await cli.ok(['why', '--platform=linux/s390x', 'several', 'target']), /->s390x cross/)
  })
  it('goes into one folder a platform, of a folder and of a tar', async () => {
    const [folder, tar] = [join(cli.folder, 'files'), join(cli.folder, 'files.tar')]
    await built(['-o', folder, '-o', `type=tar,dest=${tar}`])
    const names = ['linux_amd64', 'linux_arm64', 'linux_arm_v7', 'linux_s390x']
    assert.deepEqual(readdirSync(folder).sort(), names)
    assert.equal(readFileSync(join(folder, 'linux_arm_v7/target'), 'utf8'), 'for armv7\n')
    const paths = readTar(readFileSync(tar)).map(({ path }) => path.replace(/\/$/, ''))
    assert.deepEqual(paths.filter((path) => !path.includes('/')).sort(), names)
    // Names of one file, in the second image of the tar: they are still one file there.
    assert.equal(readFileSync(join(folder, `linux_${OWN}/bin/sh`)).equals(readFileSync('/bin/busybox')), true)
  })
  it('has a folder of its own for one platform where that is asked for', async () => {
    const folder = join(cli.folder, 'split')
    await built(['-o', `type=local,dest=${folder},platform-split=true`], 'linux/s390x')
    assert.deepEqual(readdirSync(folder), ['linux_s390x'])
  })
  for (const [output, says] of [
    ['type=docker,dest=x.tar', /a docker archive holds one platform/],
    ['type=local,dest=x,platform-split=false', /files of several platforms need folders of their own/],
  ] as const)
    it(`is refused for ${output}, before anything is done`, async () => {
      const { status, stderr } = await build(['-o', output])
      assert.equal(status, 2)
      assert.match(stderr, says)
      assert.doesNotMatch(stderr, /^#1 /m)
    })

  describe('for others', () => {
    let registry: DockerRegistry
    let reference: string
    let digest: string
    before(async function () {
      for (const program of ['docker-registry', 'skopeo', 'podman']) if (!has(program)) return this.skip()
      registry = await dockerRegistry()
      reference = `${registry.host}/team/several:v1`
      digest = (await built(['-t', reference, '--push', '-o', `type=oci,dest=${join(cli.folder, 'several.tar')}`])).digest
    })
    after(() => registry?.[Symbol.asyncDispose]())

    it('is read by skopeo as it was built, and copied with all platforms', async () => {
      const raw = await outputOf('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${reference}`])
      assert.deepEqual(platformsOf(JSON.parse(raw)), PLATFORMS)
      for (const source of [`docker://${reference}`, `oci-archive:${join(cli.folder, 'several.tar')}`]) {
        const layout = join(cli.folder, source.split(':', 1)[0] ?? '')
        await outputOf('skopeo', ['copy', '-q', '--all', '--src-tls-verify=false', source, `oci:${layout}:v1`])
        assert.equal(manifestOf(layout, 'v1'), digest)
        const other = await outputOf('skopeo', ['inspect', '--override-arch=s390x', '--format={{.Architecture}}', `oci:${layout}:v1`])
        assert.equal(other, 's390x')
      }
    })
    it('is a base whose further platforms come from the same index, whatever its tag says by now', async () => {
      await using other = new Cli('pinned')
      const base = `${registry.host}/team/base:v1`
      const push = (text: string) => {
        const folder = cli.context({ Dockerfile: 'FROM scratch\nCOPY which /\n', which: text })
        return cli.ok(['build', '-q', `--platform=linux/${OWN},linux/s390x`, '-t', base, '--push', folder])
      }
      const which = async (architecture: string) => {
        const { image } = await other.build({ dockerfile: `FROM ${base}\n` }, { args: [`--platform=linux/${architecture}`] })
        return image.layers[0]?.find(({ path }) => path === 'which')?.content.toString()
      }
      await push('first')
      assert.equal(await which(OWN), 'first')
      await push('second')
      assert.deepEqual([await which('s390x'), await which(OWN)], ['first', 'first'])
    })
    it('is run by podman, which takes the image of this machine', async () => {
      await using podman = new Podman()
      assert.equal(await podman.runImage(reference), `for ${OWN}`)
    })
  })
})
