import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Cli, type ContextFiles } from '../../fixtures/cli.ts'

describe('tsbuild build: COPY and ADD', () => {
  let cli: Cli
  before(async () => {
    cli = await Cli.withBusybox('copy')
  })
  after(() => cli[Symbol.asyncDispose]())

  /** How the steps of a second build end, after these files of the context have changed. */
  async function endingsAfter(dockerfile: string, files: ContextFiles, changed: Readonly<Record<string, string>>): Promise<string[]> {
    const context = cli.context({ Dockerfile: dockerfile, ...files })
    await cli.build(context)
    for (const [name, content] of Object.entries(changed)) writeFileSync(join(context, name), content)
    return (await cli.build(context)).steps.map(([, ending]) => ending)
  }

  describe('--exclude', () => {
    const dockerfile = 'FROM scratch\nCOPY --exclude=*.md d /d\n'
    const files = { 'd/a': 'a', 'd/b.md': 'b' }
    it('keeps the cache when only what is excluded changes', async () =>
      assert.deepEqual(await endingsAfter(dockerfile, files, { 'd/b.md': 'other', 'd/c.md': 'new' }), ['CACHED']))
    it('does not when the rest changes', async () => assert.deepEqual(await endingsAfter(dockerfile, files, { 'd/a': 'other' }), ['DONE']))
  })

  describe('--parents', () => {
    it('keeps the cache when only others change', async () => {
      const files = { 'd/a': 'a', 'd/b': 'b', 'e/a': 'a' }
      const endings = await endingsAfter('FROM scratch\nCOPY --parents */a /x/\n', files, { 'd/b': 'other', 'd/c': 'new' })
      assert.deepEqual(endings, ['CACHED'])
    })
    it('refuses a path that is not there, at its line', async () => {
      const { stderr } = await cli.fail({ dockerfile: 'FROM scratch\nCOPY --parents d/./mian.c /x/\n', files: { 'd/main.c': 'b' } })
      assert.match(stderr, /Dockerfile:2[\s\S]*"d\/\.\/mian\.c" is not in the build context\nhint: did you mean main\.c\?/)
    })
  })
})
