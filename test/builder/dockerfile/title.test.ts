import assert from 'node:assert/strict'
import { parseDockerfile } from '../../../builder/dockerfile/parse.ts'
import { stepTitle } from '../../../builder/dockerfile/title.ts'

describe('stepTitle', () => {
  for (const [text, title] of [
    ['COPY  --chown=1 a   b', 'COPY --chown=1 a b'],
    ['RUN one \\\n    && two', 'RUN one && two'],
    ['RUN <<EOF\n\n  set -e\nmake\nEOF', 'RUN <<EOF (set -e...)'],
    ['RUN <<EOF\nEOF', 'RUN <<EOF'],
    ['RUN echo \u001b[2J', 'RUN echo ?[2J'],
    [`RUN ${'x'.repeat(300)}`, `RUN ${'x'.repeat(193)}...`],
  ] as const)
    it(`${JSON.stringify(text.slice(0, 30))} is ${title.slice(0, 30)}`, () => {
      const [, instruction] = parseDockerfile(`FROM a\n${text}`, 'D').instructions
      assert.equal(instruction && stepTitle(instruction), title)
    })
})
