import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { has } from '../remote/docker-registry.ts'
import { putImage, putIndex, serve } from '../remote/support.ts'
import { testStore } from '../store/support.ts'

const run = promisify(execFile)

describe('serveRegistry, with skopeo', () => {
  let folder: string
  before(function () {
    if (!has('skopeo')) this.skip()
    folder = mkdtempSync(join(tmpdir(), 'tsbuild-skopeo-'))
  })
  after(() => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  })
  const skopeo = async (...args: string[]) => (await run('skopeo', ['--insecure-policy', ...args])).stdout

  it('serves an image that was named here, and takes it back under another name with the same digest', async () => {
    await using local = await testStore()
    await using registry = await serve(local.store)
    const image = await putImage(local.store, { layers: [1000, 2 << 20] })
    await local.store.names.set('docker.io/library/app:v1', image)
    for (const name of ['app:v1', 'library/app:v1']) {
      const raw = await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${registry.url.host}/${name}`)
      assert.deepEqual(Buffer.from(raw), Buffer.from(await local.store.blobs.read(image.digest, 1e6)))
    }
    const layout = join(folder, 'layout')
    await skopeo('copy', '--preserve-digests', '--src-tls-verify=false', `docker://${registry.url.host}/app:v1`, `oci:${layout}:v1`)
    assert.ok(existsSync(join(layout, 'blobs/sha256', image.digest.slice(7))))
    await skopeo('copy', '--preserve-digests', '--dest-tls-verify=false', `oci:${layout}:v1`, `docker://${registry.url.host}/team/copy:v2`)
    assert.deepEqual(await local.store.names.get('localhost/team/copy:v2'), image)
    assert.deepEqual(JSON.parse(await skopeo('list-tags', '--tls-verify=false', `docker://${registry.url.host}/team/copy`)).Tags, ['v2'])
  })

  it('takes a push into an empty store, all platforms, and a deletion', async () => {
    await using source = await testStore()
    await using target = await testStore()
    await using from = await serve(source.store)
    await using to = await serve(target.store)
    const index = await putIndex(source.store, [
      { platform: 'linux/amd64', manifest: await putImage(source.store, { layers: [10] }) },
      { platform: 'linux/arm64', manifest: await putImage(source.store, { layers: [20], platform: 'linux/arm64' }) },
    ])
    await source.store.names.set('localhost/multi:latest', index)
    const remote = `docker://${to.url.host}/multi:latest`
    await skopeo(
      'copy',
      '--preserve-digests',
      '--all',
      '--src-tls-verify=false',
      '--dest-tls-verify=false',
      `docker://${from.url.host}/multi:latest`,
      remote,
    )
    assert.deepEqual(await target.store.names.get('localhost/multi:latest'), index)
    const digestFile = join(folder, 'digest')
    await skopeo('copy', '--preserve-digests', '--src-tls-verify=false', '--digestfile', digestFile, remote, `dir:${join(folder, 'dir')}`)
    assert.match(readFileSync(digestFile, 'utf8'), /^sha256:/)
    await skopeo('delete', '--tls-verify=false', remote)
    await assert.rejects(skopeo('inspect', '--tls-verify=false', remote), /manifest unknown/i)
  })
})
