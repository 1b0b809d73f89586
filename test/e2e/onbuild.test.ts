import assert from 'node:assert/strict'
import { imageOf } from '../../fixtures/images.ts'
import { type Ended, output, type Workbench, withBench } from './workbench.ts'

describe('ONBUILD', function () {
  this.timeout(60_000)
  let bench: Workbench
  withBench((made) => {
    bench = made
    bench.write('context/file', 'from the context\n')
  })

  async function builds(dockerfile: string, args: readonly string[] = []): Promise<Ended> {
    const ended = await bench.build(dockerfile, args)
    assert.equal(ended.status, 0, ended.stderr)
    return ended
  }
  const config = async (image: string) => JSON.parse(await bench.expect(['inspect', image])) as unknown
  /** The config of an image, wherever `inspect` has it. */
  const text = async (image: string) => JSON.stringify(await config(image))

  it('of an image comes first, in order, with the files and arguments of whoever builds on it, and is gone afterwards', async () => {
    await builds(
      'FROM base\nWORKDIR /app\nONBUILD ARG who=nobody\nONBUILD COPY file .\nONBUILD RUN echo $who: $(cat file)\nONBUILD ENV MADE=by-trigger\n',
      ['-t', 'trigger'],
    )
    assert.match(
      await text('trigger'),
      /"OnBuild":\["ARG who=nobody","COPY file \.","RUN echo \$who: \$\(cat file\)","ENV MADE=by-trigger"\]/,
    )
    const ended = await builds('FROM trigger\nRUN echo then $MADE\n', ['-t', 'child', '--build-arg', 'who=me'])
    assert.deepEqual(output(ended), ['me: from the context', 'then by-trigger'])
    assert.match(ended.stderr, /\[2\/4\] ONBUILD COPY file \./)
    assert.doesNotMatch(await text('child'), /"OnBuild"/)
    assert.deepEqual(output(await builds('FROM child\nRUN echo grandchild\n')), ['grandchild'])
  })

  it('of a stage fires for the stages built on it, and not for their children', async () => {
    const ended = await builds(
      'FROM base AS a\nONBUILD RUN echo fired >>/log\nFROM a AS b\nRUN cat /log\nFROM b\nRUN echo child >>/log && cat /log\n',
      ['-t', 'x'],
    )
    assert.deepEqual(output(ended), ['fired', 'fired', 'child'])
  })

  it('stays in the image that declares it', async () => {
    await builds('FROM base\nONBUILD RUN true\n', ['-t', 'declared'])
    assert.match(await text('declared'), /"OnBuild":\["RUN true"\]/)
  })

  it('may need stages of the file that builds on it, and images that nobody has named yet', async () => {
    await builds('FROM base\nRUN echo of-an-image >/here\n', ['-t', 'needed'])
    await builds(
      'FROM base\nONBUILD COPY --from=assets /made /made\nONBUILD COPY --from=needed /here /here\n' +
        'ONBUILD RUN --mount=type=bind,from=assets,source=/made,target=/m --mount=type=cache,target=/c cat /m /made /here\n',
      ['-t', 'nested'],
    )
    assert.deepEqual(output(await builds('FROM base AS assets\nRUN echo asset >/made\nFROM nested\n')), ['asset', 'asset', 'of-an-image'])
  })

  it('keeps heredocs', async () => {
    await builds('FROM base\nONBUILD RUN <<EOF\necho one\necho two\nEOF\nONBUILD COPY <<EOF /text\nhello\nEOF\n', ['-t', 'heredocs'])
    assert.deepEqual(output(await builds('FROM heredocs\nRUN cat /text\n')), ['one', 'two', 'hello'])
  })

  it('cannot be another FROM, and is not repeated at length', async () => {
    const triggers = ['FROM scratch', `NOSUCH ${'x'.repeat(60_000)}`]
    for (const [index, trigger] of triggers.entries()) {
      await imageOf(bench.native, { layers: [], config: { OnBuild: [trigger] } }, { folder: bench.layout, refName: `odd${index}` })
      await bench.expect(['pull', '-q', '--name', `odd${index}`, `oci:${bench.layout}:odd${index}`])
      const { status, stderr } = await bench.build(`FROM odd${index}\n`)
      assert.equal(status, 1)
      assert.match(
        stderr,
        /ONBUILD trigger of the base image "(FROM scratch": FROM cannot be a trigger|NOSUCH x{193}": unknown instruction)/,
      )
      assert.match(stderr, /1 \| >>> FROM odd/)
    }
  })

  it('that fails is told at the FROM', async () => {
    await builds('FROM base\nONBUILD RUN exit 7\n', ['-t', 'failing'])
    const failed = await bench.build('FROM base AS x\nFROM failing\n')
    assert.equal(failed.status, 1)
    assert.match(failed.stderr, /2 \| >>> FROM failing/)
    assert.match(failed.stderr, /exit code: 7/)
    await builds('FROM base\nONBUILD COPY --from=nowhere /a /a\n', ['-t', 'unknown'])
    const unknown = await bench.build('FROM unknown\n', ['--pull=never'])
    assert.match(unknown.stderr, /1 \| >>> FROM unknown/)
    assert.match(unknown.stderr, /nowhere/)
  })
})
