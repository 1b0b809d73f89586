import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Context } from '../../cli/context.ts'
import { carryOut } from '../../cli/outputs.ts'
import type { Workspace } from '../../cli/wire.ts'
import { Cli } from '../../fixtures/cli.ts'
import { readTar } from '../../fixtures/tar-reader.ts'

const DOCKERFILE = 'FROM scratch\nCOPY f /\n'
const NAMES = ['docker.io/library/own:2', 'docker.io/library/one:1', 'example.org/two:latest']

describe('tsbuild build --output', () => {
  const cli = new Cli('outputs')
  after(() => cli[Symbol.asyncDispose]())
  const out = (name: string) => join(cli.folder, name)
  const context = () => cli.context({ Dockerfile: DOCKERFILE, f: 'f' })
  const member = (archive: string, path: string) =>
    JSON.parse(String(readTar(readFileSync(archive)).find((file) => file.path === path)?.content))
  const namesIn = (index: { manifests: { annotations: Record<string, string> }[] }) =>
    index.manifests.map(({ annotations }) => annotations['io.containerd.image.name'])
  const tags = ['-t', 'one:1', '-t', 'example.org/two', '-t', 'own:2']

  it('gives standard output to the archive alone, and prints the digest on standard error', async () => {
    for (const spec of ['-', 'type=oci,dest=-', 'type=docker,dest=-']) {
      const file = out(`${spec.length}.tar`)
      const stderr = execFileSync('sh', ['-c', '"$0" build --progress=quiet -o "$1" "$2" 2>&1 >"$3"', './tsbuild', spec, context(), file], {
        env: { ...process.env, TSBUILD_ROOT: cli.store },
        encoding: 'utf8',
      })
      assert.match(stderr, /^sha256:[0-9a-f]{64}\n$/)
      const bytes = readFileSync(file)
      assert.deepEqual(bytes.subarray(-1024), Buffer.alloc(1024), `${spec} ends as a tar does`)
      assert.ok(readTar(bytes).length > 0)
    }
  })
  it('names an archive with name= and with every --tag, each once', async () => {
    for (const kind of ['oci', 'docker']) {
      await cli.ok(['build', '-q', '-o', `type=${kind},dest=${out('named.tar')},name=own:2`, ...tags, context()])
      assert.deepEqual(namesIn(member(out('named.tar'), 'index.json')), NAMES)
      if (kind === 'docker') assert.deepEqual(member(out('named.tar'), 'manifest.json')[0].RepoTags, NAMES)
    }
  })
  it('names an image layout so, too, and a second export replaces the names', async () => {
    const index = () => JSON.parse(readFileSync(out('layout/index.json'), 'utf8'))
    for (const _ of ['first', 'second'])
      await cli.ok(['build', '-q', '-o', `type=oci,tar=0,dest=${out('layout')},name=own:2`, ...tags, context()])
    assert.deepEqual(namesIn(index()), NAMES)
  })
  it('warns when times are to be rewritten without a time', async () => {
    const { stderr, status } = await cli.run(['build', '-q', '-o', 'type=image,rewrite-timestamp=true', context()])
    assert.equal(status, 0)
    assert.match(stderr, /WARNING: .*rewrite-timestamp.*SOURCE_DATE_EPOCH/)
    const given = await cli.run(['build', '-q', '-o', 'type=image,rewrite-timestamp=true', context()], { env: { SOURCE_DATE_EPOCH: '1' } })
    assert.equal(given.stderr, '')
  })
  it('leaves nothing behind when the files cannot be written', async () => {
    const temporary = out('temporary')
    const pack = async () => {
      writeFileSync(temporary, 'half')
      throw new Error('full')
    }
    const workspace = {
      store: { temporary: async () => temporary },
      buildDeps: { native: { pack }, store: {}, fetchAbsent: async () => {} },
      emit: () => {},
    }
    const output = {
      kind: 'tar',
      dest: out('never.tar'),
      names: [],
      push: false,
      tar: true,
      platformSplit: false,
      rewriteTimestamps: false,
    } as const
    const built = { result: { images: [{ layers: [], epoch: undefined }] }, names: [] }
    const context = { now: () => 0, signal: new AbortController().signal }
    await assert.rejects(
      carryOut(
        [output],
        built as unknown as Parameters<typeof carryOut>[1],
        workspace as unknown as Workspace,
        context as unknown as Context,
      ),
      /full/,
    )
    assert.equal(existsSync(temporary), false)
  })
})
