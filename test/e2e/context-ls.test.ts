import assert from 'node:assert/strict'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { Cli } from '../../fixtures/cli.ts'
import { tarOf } from '../../fixtures/tars.ts'

const DOCKERFILE = `FROM 127.0.0.1:1/never AS build
ARG DIR=src
COPY $DIR/*.ts link/ /src/
COPY --from=x . /x
FROM scratch AS unused
COPY docs /docs
FROM scratch
COPY --from=build /src /
ADD https://example.com/never.tar missing /
`
const FILES = {
  Dockerfile: DOCKERFILE,
  '.dockerignore': '# made\nout\n**/*.log\n!keep.log\n',
  'src/a.ts': 'aa',
  'src/b.md': 'b',
  'out/deep/x': '',
  'real/r': '',
  'docs/d': '',
  'keep.log': '',
  'src/drop.log': '',
}

describe('tsbuild context ls', () => {
  let cli: Cli
  let folder: string
  before(() => {
    cli = new Cli('context-ls')
    folder = cli.context(FILES)
    symlinkSync('real', join(folder, 'link'))
  })
  after(() => cli[Symbol.asyncDispose]())

  it('tells of every path whether it is used, kept or ignored, and by which rule', async () => {
    const { stdout, stderr, status } = await cli.run(['context', 'ls', folder])
    assert.equal(status, 0, stderr)
    assert.deepEqual(stdout.trimEnd().split('\n'), [
      'kept     .dockerignore',
      'kept     Dockerfile',
      'kept     docs/',
      'kept     docs/d',
      'kept     keep.log  (.dockerignore:4 !keep.log)',
      'used     link',
      'ignored  out/  (.dockerignore:2 out)',
      'used     real/',
      'used     real/r',
      'used     src/',
      'used     src/a.ts',
      'kept     src/b.md',
      'ignored  src/drop.log  (.dockerignore:3 **/*.log)',
    ])
    assert.match(stderr, /Dockerfile:9: "missing" is not in the build context/)
  })
  it('asks for what a target needs, with the arguments given', async () => {
    const used = async (...args: string[]) => {
      const lines = (await cli.ok(['context', 'ls', ...args, folder])).split('\n')
      return lines.flatMap((line) => /^used +(.*)$/.exec(line)?.[1] ?? [])
    }
    assert.deepEqual(await used('--target', 'unused'), ['docs/', 'docs/d'])
    assert.deepEqual(await used('--build-arg', 'DIR=nothing'), ['link', 'real/', 'real/r'])
    assert.deepEqual(await used('--build-context', `build=${folder}`), [])
  })
  it('has it as JSON, too', async () => {
    const lines = (await cli.ok(['context', 'ls', '--format', 'json', '--dockerfile', join(folder, 'Dockerfile'), folder])).split('\n')
    const rows = lines.map((line) => JSON.parse(line) as { path: string })
    assert.deepEqual(
      rows.find(({ path }) => path === 'src/a.ts'),
      { path: 'src/a.ts', type: 'file', size: 2, state: 'used' },
    )
    assert.deepEqual(
      rows.find(({ path }) => path === 'out'),
      { path: 'out', type: 'directory', size: 0, state: 'ignored', rule: { file: '.dockerignore', line: 2, text: 'out' } },
    )
  })
  it('reads a tar as well, and shows odd names harmlessly', async () => {
    const input = tarOf([
      { path: 'Dockerfile', content: 'FROM scratch\nCOPY a* /\n' },
      { path: 'a\u001b[31m\n', content: '' },
    ])
    const { stdout } = await cli.run(['context', 'ls', '-'], { input })
    assert.ok(!stdout.includes('\u001b'))
    assert.equal(stdout.trimEnd().split('\n').length, 2)
    assert.match(stdout, /^used {5}a/m)
  })
})
