import assert from 'node:assert/strict'
import { lstatSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Buildah } from '../../fixtures/buildah.ts'
import { type Built, Cli, outputOf } from '../../fixtures/cli.ts'
import { debianLayout } from '../../fixtures/debian.ts'
import { manifestOf, seeImage, type Tree, treeDifferences } from '../../fixtures/image-tree.ts'
import { Podman } from '../../fixtures/podman.ts'
import { type DockerRegistry, dockerRegistry, has } from '../registry/remote/docker-registry.ts'
import { DATED, DEBIAN_BUILDS } from './debian-builds.ts'

const NEEDED = ['mmdebstrap', 'docker-registry', 'skopeo', 'umoci', 'buildah', 'podman', 'npm']
/** What buildah mounts onto stays in its images. */
const STUBS = ['run/.containerenv', 'etc/hostname', 'etc/hosts', 'etc/resolv.conf', 'run']

describe('Debian, built and pushed by tsbuild', function () {
  this.timeout(1_800_000)
  let registry: DockerRegistry
  let base: string
  let buildah: Buildah
  let podman: Podman

  before(async function () {
    const missing = NEEDED.filter((program) => !has(program))
    if (missing.length > 0) {
      console.log(`      not installed: ${missing.join(', ')}`)
      return this.skip()
    }
    const layout = await debianLayout()
    registry = await dockerRegistry()
    base = `${registry.host}/debian:base`
    await using cli = new Cli('debian-base')
    await cli.ok(['pull', '-q', `oci:${layout}:debian`, '--name', base])
    await cli.ok(['push', '-q', base])
    buildah = new Buildah()
    podman = new Podman()
    await buildah.run(['pull', '-q', '--tls-verify=false', base])
  })
  after(async () => {
    await podman?.[Symbol.asyncDispose]()
    await buildah?.[Symbol.asyncDispose]()
    await registry?.[Symbol.asyncDispose]()
  })

  for (const [index, { name, prepare, command = [], output, tree }] of DEBIAN_BUILDS.entries())
    describe(name, () => {
      let cli: Cli
      let context: string
      let built: Built
      let reference: string
      before(() => {
        cli = new Cli('debian')
        context = join(cli.folder, 'app')
        reference = `${registry.host}/built/app-${index}:1`
      })
      after(() => cli?.[Symbol.asyncDispose]())

      it('is built from the base in a registry, and pushed under the digest that is printed', async () => {
        mkdirSync(context)
        await prepare(context, base)
        built = await cli.build(context, { args: ['-t', reference, '--push'], timeoutMs: 1_200_000 })
        const seen = JSON.parse(await outputOf('skopeo', ['inspect', '--tls-verify=false', `docker://${reference}`]))
        assert.equal(seen.Digest, built.digest)
        for (const [path, want] of Object.entries(tree))
          assert.deepEqual({ ...built.image.tree.get(path), ...want }, built.image.tree.get(path))
      })
      it('again is cached, every step', async () => {
        const again = await cli.build(context)
        assert.equal(again.digest, built.digest)
        assert.ok(again.steps.length > 0 && again.steps.every(([, ending]) => ending === 'CACHED'))
      })
      it('has the owners, modes, links, xattrs, capabilities and contents of the same build by buildah', async () => {
        const theirs = await buildah.build(context)
        assert.deepEqual(treeDifferences(comparable(built.image.tree, theirs.tree), comparable(theirs.tree, built.image.tree)), [])
      })
      it('is copied by skopeo, unpacked by umoci', async () => {
        const [layout, bundle] = [join(cli.folder, 'layout'), join(cli.folder, 'bundle')]
        await outputOf('skopeo', [
          'copy',
          '-q',
          '--preserve-digests',
          '--src-tls-verify=false',
          `docker://${reference}`,
          `oci:${layout}:app`,
        ])
        assert.equal(manifestOf(layout, 'app'), built.digest)
        assert.deepEqual(seeImage(layout, built.digest).tree, built.image.tree)
        const rootless = process.getuid?.() === 0 ? [] : ['--rootless']
        await outputOf('umoci', ['unpack', ...rootless, '--image', `${layout}:app`, bundle])
        for (const [path, entry] of built.image.tree) assertUnpacked(join(bundle, 'rootfs', Buffer.from(path, 'latin1').toString()), entry)
      })
      it('runs in tsbuild, buildah and podman', async () => {
        assert.match(await cli.ok(['run', reference, ...command]), output)
        assert.match(await podman.runImage(reference, command), output)
        const container = await buildah.run(['from', '-q', '--tls-verify=false', reference])
        const { Entrypoint, Cmd } = built.image.config.config as { Entrypoint?: string[]; Cmd?: string[] }
        const argv = command.length > 0 ? command : [...(Entrypoint ?? []), ...(Cmd ?? [])]
        assert.match(await buildah.run(['run', '--isolation', 'chroot', container, '--', ...argv]), output)
        await buildah.run(['rm', '--all'])
      })
      it('leaves a sound store', async () => {
        await cli.ok(['store', 'check'])
      })
    })
})

function assertUnpacked(path: string, entry: NonNullable<ReturnType<Tree['get']>>): void {
  const { mode, uid, gid } = lstatSync(path)
  if (entry.type === 'character' || entry.type === 'block') return // umoci makes files of them where it may not make nodes
  if (entry.type !== 'symlink' && process.getuid?.() === 0) assert.equal((mode & 0o7777).toString(8), entry.mode, path)
  if (process.getuid?.() === 0) assert.equal(`${uid}:${gid}`, entry.owner, path)
}

/** `tree` without the stubs that `other` lacks, and without what differs by the hour. */
function comparable(tree: Tree, other: Tree): Tree {
  const kept = [...tree].filter(([path]) => other.has(path) || !STUBS.includes(path))
  return new Map(
    kept.map(([path, entry]) => [
      path,
      { ...entry, xattrs: withoutOverlay(entry.xattrs), ...(DATED.some((dated) => dated.test(path)) ? { sha256: '' } : {}) },
    ]),
  )
}

/** buildah leaves overlayfs's own xattrs in what an ordinary user builds. */
function withoutOverlay(xattrs: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(xattrs).filter(([name]) => !name.startsWith('user.overlay.')))
}
