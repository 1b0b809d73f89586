import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Cli, finished } from '../../fixtures/cli.ts'

const TSBUILD = fileURLToPath(new URL('../../../tsbuild', import.meta.url))

/**
 * New files, changed, removed and replaced ones; every time is set, so that the layers can be equal. Not here: a change to a file of several names in a
 * later step, which overlayfs tears apart (overlayfs.rst, "Non-standard behavior") and a copy does not.
 */
const DOCKERFILE = `FROM busybox
RUN mkdir -p /d/inner /e && echo 0 > /d/c && echo 1 > /d/f && echo 2 > /d/inner/g && ln -s f /d/link && ln /d/f /e/hard && touch -hd @1000000000 /d/link /d/c /d/f /d/inner/g /d/inner /d /e /
RUN rm -r /d/inner && mkdir /d/inner && echo 3 > /d/inner/h && echo 4 >> /d/c && rm /d/link && chmod 700 /e && touch -d @1100000000 /d/c /d/inner/h /d/inner /d /e /
`

describe('the stacking of trees', () => {
  let cli: Cli
  before(async () => {
    cli = await Cli.withBusybox('stacking')
  })
  after(() => cli[Symbol.asyncDispose]())

  it('is overlayfs or whole copies as TSBUILD_STACKING says, with the same layers', async () => {
    const build = (TSBUILD_STACKING: string) => cli.build({ dockerfile: DOCKERFILE }, { args: ['--no-cache'], env: { TSBUILD_STACKING } })
    const overlay = await build('overlay')
    const copy = await build('copy')
    assert.match(overlay.stderr, /isolation: .*; files overlay$/m)
    assert.match(copy.stderr, /isolation: .*; files whole copies of trees \(TSBUILD_STACKING=copy\)$/m)
    assert.deepEqual(copy.image.config.rootfs.diff_ids, overlay.image.config.rootfs.diff_ids)
    assert.deepEqual(copy.image.manifest.layers, overlay.image.manifest.layers)
  })

  it('is refused by a word that is none', async () => {
    const { status, stderr } = await cli.fail({ dockerfile: DOCKERFILE }, { args: ['--no-cache'], env: { TSBUILD_STACKING: 'zfs' } })
    assert.deepEqual([status, stderr.includes('TSBUILD_STACKING=zfs is not known\nhint: overlay or copy\n')], [2, true], stderr)
  })

  it('is whole copies in a store on an overlayfs, which can be no upper of another one', async function () {
    if (process.getuid?.() !== 0) this.skip() // only root may mount one that has no user.* restrictions
    const context = cli.context({ Dockerfile: DOCKERFILE })
    for (const name of ['lower', 'upper', 'work', 'merged']) mkdirSync(join(cli.folder, name), { mode: 0o700 })
    const script = `set -e
      mount -t overlay overlay -olowerdir=lower,upperdir=upper,workdir=work merged
      export TSBUILD_ROOT="$PWD/merged/store"
      "$1" pull -q "oci:$PWD/base:busybox" --name busybox
      "$1" build --progress=plain "$2"
      "$1" doctor`
    const args = ['--mount', '--propagation=private', 'sh', '-c', script, 'sh', TSBUILD, context]
    const { status, stdout, stderr } = await finished('unshare', args, { cwd: cli.folder })
    assert.equal(status, 0, stderr)
    assert.match(stderr, /isolation: .*; files whole copies of trees \(EINVAL: mount overlay\)$/m)
    assert.match(stdout, /^no {3}overlay: EINVAL: mount overlay$/m)
  })
})
