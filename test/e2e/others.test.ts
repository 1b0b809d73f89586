import assert from 'node:assert/strict'
import { existsSync, lstatSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Buildah } from '../../fixtures/buildah.ts'
import { type Built, Cli, outputOf } from '../../fixtures/cli.ts'
import { manifestOf, seeImage } from '../../fixtures/image-tree.ts'
import { Podman } from '../../fixtures/podman.ts'
import { type DockerRegistry, dockerRegistry, has } from '../registry/remote/docker-registry.ts'

const DOCKERFILE = `FROM busybox AS build
RUN mkdir -p /srv/app && echo hello > /srv/app/text && ln /srv/app/text /srv/app/same && chown -R 33:100 /srv/app && chmod 4750 /srv/app/text
FROM busybox
COPY --from=build /srv /srv
RUN rm /var/tmp -r && mkdir /var/tmp && echo www-data:x:33: >> /etc/group
ENV GREETING="from the image"
LABEL org.example.kind=test
WORKDIR /srv/app
USER www-data
ENTRYPOINT ["/bin/sh", "-c"]
CMD ["id -u; pwd; cat text; echo $GREETING"]
`
const OUTPUT = '33\n/srv/app\nhello\nfrom the image'

describe('an image that tsbuild pushed', () => {
  let cli: Cli
  let registry: DockerRegistry
  let built: Built
  let reference: string

  before(async function () {
    for (const program of ['docker-registry', 'skopeo']) if (!has(program)) return this.skip()
    cli = await Cli.withBusybox('others')
    registry = await dockerRegistry()
    reference = `${registry.host}/team/app:v1`
    built = await cli.build({ dockerfile: DOCKERFILE }, { args: ['-t', reference, '--push'] })
  })
  after(async () => {
    await cli?.[Symbol.asyncDispose]()
    await registry?.[Symbol.asyncDispose]()
  })

  const needs = (program: string, test: () => Promise<void>) =>
    async function (this: Mocha.Context) {
      if (!has(program)) this.skip() // it is in the list of packages for the tests
      await test()
    }

  it('has in the registry the digest that build printed', async () => {
    const answer = await fetch(`http://${registry.host}/v2/team/app/manifests/v1`, {
      headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
    })
    assert.equal(answer.headers.get('docker-content-digest'), built.digest)
  })
  it('is inspected by skopeo', async () => {
    const seen = JSON.parse(await outputOf('skopeo', ['inspect', '--tls-verify=false', `docker://${reference}`]))
    assert.equal(seen.Digest, built.digest)
    assert.equal(seen.Labels['org.example.kind'], 'test')
    assert.deepEqual(
      seen.Layers,
      built.image.manifest.layers.map((layer) => layer.digest),
    )
  })
  it('is copied by skopeo into a layout, byte for byte', async () => {
    const layout = join(cli.folder, 'copied')
    await outputOf('skopeo', ['copy', '-q', '--src-tls-verify=false', `docker://${reference}`, `oci:${layout}:v1`])
    assert.equal(manifestOf(layout, 'v1'), built.digest)
    assert.deepEqual(seeImage(layout, built.digest), built.image)
  })
  it(
    'is unpacked by umoci',
    needs('umoci', async () => {
      const [layout, bundle] = [join(cli.folder, 'layout'), join(cli.folder, 'bundle')]
      await cli.ok(['push', '-q', reference, `oci:${layout}:v1`])
      const rootless = process.getuid?.() === 0 ? [] : ['--rootless']
      await outputOf('umoci', ['unpack', ...rootless, '--image', `${layout}:v1`, bundle])
      const text = lstatSync(join(bundle, 'rootfs/srv/app/text'))
      assert.equal(readFileSync(join(bundle, 'rootfs/srv/app/text'), 'utf8'), 'hello\n')
      assert.equal(text.nlink, 2)
      assert.equal(text.mode & 0o7777, 0o4750)
      if (process.getuid?.() === 0) assert.deepEqual([text.uid, text.gid], [33, 100])
      assert.equal(existsSync(join(bundle, 'rootfs/var/tmp')), true)
      const { process: config } = JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8'))
      assert.equal(config.cwd, '/srv/app')
      assert.ok(config.env.includes('GREETING=from the image'))
    }),
  )
  it(
    'is run by buildah',
    needs('buildah', async () => {
      await using buildah = new Buildah()
      const container = await buildah.run(['from', '-q', '--tls-verify=false', reference])
      const command = built.image.config.config.Cmd as string[]
      assert.equal(await buildah.run(['run', '--isolation', 'chroot', container, '--', '/bin/sh', '-c', ...command]), OUTPUT)
    }),
  )
  it(
    'is run by podman',
    needs('podman', async () => {
      await using podman = new Podman()
      assert.equal(await podman.runImage(reference), OUTPUT)
    }),
  )
  it('is pulled back and run by tsbuild, with its exit status', async () => {
    await using other = new Cli('pulled')
    assert.equal(await other.ok(['pull', '-q', reference]), built.digest)
    assert.equal(await other.ok(['run', reference]), OUTPUT)
    assert.equal((await other.run(['run', reference, 'exit 7'])).status, 7)
  })
})
