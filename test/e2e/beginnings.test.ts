import assert from 'node:assert/strict'
import { Cli } from '../../fixtures/cli.ts'

describe('a RUN that begins', () => {
  let cli: Cli
  before(async () => {
    cli = await Cli.withBusybox('beginnings')
  })
  after(() => cli[Symbol.asyncDispose]())

  it('makes its working directory where an earlier step took it away, and has it in its layer', async () => {
    const { image } = await cli.build({ dockerfile: 'FROM busybox\nWORKDIR /w/x\nRUN cd / && rm -r /w\nRUN test "$(pwd)" = /w/x\n' })
    assert.deepEqual(
      image.layers.at(-1)?.map(({ path }) => path.replace(/\/$/, '')),
      ['w', 'w/x'],
    )
  })

  it('makes what its working directory goes up from', async () => {
    const { image } = await cli.build({ dockerfile: 'FROM busybox\nRUN ln -s /home /h\nWORKDIR /h/new/../w\nRUN touch here\n' })
    assert.deepEqual(
      image.layers
        .at(-1)
        ?.map(({ path }) => path.replace(/\/$/, ''))
        .filter((path) => path !== 'home'),
      ['home/new', 'home/w', 'home/w/here'],
    )
  })

  it('names a user that does not exist here, and what would help', async () => {
    const { stderr } = await cli.fail({ dockerfile: 'FROM busybox\nUSER 5\nRUN true\n' }, { env: { TSBUILD_IDS: 'single' } })
    assert.match(
      stderr,
      /\ntsbuild: user id 5 does not exist here: it is not among the ids that your user may use\nhint: give this user ranges [^\n]*\n$/,
    )
  })

  it('is one clear error where its working directory cannot be one', async () => {
    const { stderr } = await cli.fail({ dockerfile: 'FROM busybox\nWORKDIR /w\nRUN cd / && rmdir /w && touch /w\nRUN true\n' })
    assert.match(
      stderr,
      /\ntsbuild: cannot start in working directory "\/w": a file that is no directory is there or on the way to it\nhint: name a directory with WORKDIR, [^\n]*\n$/,
    )
  })
})
