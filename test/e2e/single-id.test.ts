import assert from 'node:assert/strict'
import { Cli } from '../../fixtures/cli.ts'

const FILE = { dockerfile: 'FROM busybox\nRUN touch /f && (chown 5:5 /f || true)\n' }

describe('a RUN with a single id', () => {
  let cli: Cli
  before(async () => {
    cli = await Cli.withBusybox('single-id')
  })
  after(() => cli[Symbol.asyncDispose]())

  it('gives results that are not taken for those with all ids', async function () {
    const single = await cli.build(FILE, { env: { TSBUILD_IDS: 'single' } })
    const again = await cli.build(FILE, { env: { TSBUILD_IDS: 'single' } })
    const full = await cli.build(FILE)
    if (/; ids single/.test(full.stderr)) this.skip() // there are no others here
    const seen = [single, again, full].map(({ steps, image }) => [steps.at(-1)?.[1], image.tree.get('f')?.owner])
    assert.deepEqual(seen, [
      ['DONE', '0:0'],
      ['CACHED', '0:0'],
      ['DONE', '5:5'],
    ])
  })
})
