import assert from 'node:assert/strict'
import { checkDockerfile, checkMode, checkPort, checkSignal } from '../../../builder/dockerfile/check.ts'
import { parseDockerfile } from '../../../builder/dockerfile/parse.ts'

describe('checkDockerfile', () => {
  for (const line of [
    'RUN --network=host --security=sandbox true',
    'RUN --device=vendor.com/class=device,required true',
    'RUN --security=insecure --mount=type=cache,target=$X true',
    'COPY --link --parents a b',
    'COPY --from=x --chown=$U --chmod=$M a* b/',
    'ADD github.com/a/b c',
    'ADD $URL c',
    'EXPOSE $PORT "80"',
    'STOPSIGNAL $SIG',
    'RUN <<EOF\nEOF',
    'COPY <<EOF /x\nEOF',
  ])
    it(`takes ${JSON.stringify(line)}`, () => assert.equal(checkDockerfile(parseDockerfile(`FROM a\n${line}`, 'D')).instructions.length, 2))
})

describe('checks of what is known only once expanded', () => {
  const at = { file: 'D', startLine: 9, endLine: 9 }

  it('point at the instruction', () => {
    assert.throws(() => checkPort('x', at), { code: 'DOCKERFILE_SYNTAX', message: 'invalid containerPort: "x"', at })
    assert.throws(() => checkSignal('x', at), { code: 'DOCKERFILE_SYNTAX', message: 'invalid signal: "x"', at })
    assert.throws(() => checkMode('x', at), { code: 'DOCKERFILE_SYNTAX', message: 'invalid chmod parameter: "x"', at })
  })

  it('give ports as the image config has them', () => assert.deepEqual(checkPort('80-81/UDP', at), ['80/udp', '81/udp']))
})
