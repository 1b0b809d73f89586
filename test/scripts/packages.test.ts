import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { packageRoot } from '../package-root.ts'

const script = path.join(packageRoot(), 'scripts/packages.sh')

function bash(command: string): string {
  return execFileSync('bash', ['-euo', 'pipefail', '-c', `source '${script}'; ${command}`], { encoding: 'utf8' })
}

describe('missing_packages', () => {
  const cases = [
    ['a command that is here', 'bash bash why', ''],
    ['a command that is not', 'no-such-command some-package compiles the parts', 'some-package\tcompiles the parts\n'],
    ['a path that is here', '/etc/pass* passwd why', ''],
    ['a path that is not', '/no/such/file some-package why', 'some-package\twhy\n'],
    ['a function that says yes', 'yes() some-package why', ''],
    ['a function that says no', 'no() some-package why', 'some-package\twhy\n'],
  ] as const
  for (const [name, row, want] of cases)
    it(`reads ${name}`, () => assert.equal(bash(`yes() { true; }; no() { false; }; missing_packages '\n${row}\n'`), want))

  it('finds every row of our own tables whole', () => {
    const rows = bash('printf %s "$RUN_PACKAGES$TEST_PACKAGES"').split('\n').filter(Boolean)
    for (const row of rows) assert.match(row, /^\S+ +[a-z0-9+.-]+ +\S.*\S$/)
  })
})
