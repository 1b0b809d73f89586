import assert from 'node:assert/strict'
import { noCommand } from '../../builder/steps/run.ts'
import { printFailure } from '../../cli/failure.ts'
import { failureFrom } from '../../native/failure.ts'
import { TsbuildError } from '../../registry/oci/error.ts'
import { unpackFailure } from '../../snapshotter/failures.ts'
import type { LayerBlob } from '../../snapshotter/snapshotter.ts'

function printed(error: unknown): string {
  let text = ''
  printFailure(error, { sources: new Map(), printError: (more) => (text += more), signal: new AbortController().signal })
  return text
}

describe('printFailure', () => {
  const layer = { diffID: 'sha256:1' } as unknown as LayerBlob
  for (const [what, error, line] of [
    [
      'a cause that the message lacks',
      new TsbuildError('STORE_WRITE', 'cannot store blob x', { cause: new Error('ENOSPC: no space') }),
      'cannot store blob x: ENOSPC: no space',
    ],
    ['a native failure', failureFrom(2, 'openat2', 'src/a.txt'), 'cannot read src/a.txt: ENOENT (openat2)'],
    ['a native failure in words', failureFrom(22, 'user id is not mapped', '5'), '5: user id is not mapped (EINVAL)'],
    [
      'what a command that cannot be started is made into',
      noCommand(['x'], failureFrom(2, 'exec', '/x')),
      'cannot execute "/x": it is not in the image',
    ],
    [
      'what a layer that cannot be unpacked is made into',
      unpackFailure(failureFrom(75, 'owner', 'a/b'), layer),
      'layer sha256:1: owner of "a/b" does not exist here',
    ],
  ] as const)
    it(`says once ${what}`, () => assert.equal(printed(error).split('\n')[0], `tsbuild: ${line}`))
})
