import assert from 'node:assert/strict'
import { type ExitSurroundings, explainExit, signalName } from '../../../builder/steps/exits.ts'

/** Around a step that begins with files of these texts. */
function withFiles(files: Readonly<Record<string, string>>, more: Partial<ExitSurroundings> = {}): ExitSurroundings {
  return {
    cwd: '/work',
    script: undefined,
    files: { has: (path) => path in files, read: async (path) => files[path] },
    ...more,
  }
}
const said = (line: string, around = withFiles({}), exit = 127) => explainExit({ exit, signal: 0 }, ['before', line], around)

describe('the end of a command', () => {
  for (const line of [
    '/bin/sh: mak: not found',
    '/bin/sh: 1: mak: not found',
    '/bin/bash: line 1: mak: command not found',
    'zsh:1: command not found: mak',
    "env: can't execute 'mak': No such file or directory",
    '/usr/bin/env: ‘mak’: No such file or directory',
  ])
    it(`that says "${line}" is of a command not found`, async () =>
      assert.equal(await said(line), 'command not found: mak: install it in an earlier step, or check PATH'))

  it('with 127 and no words is of one not found, too', async () =>
    assert.equal(await said('?'), 'a command was not found in the image: install it in an earlier step, or check PATH'))

  it('is of no such interpreter when a file of the image names one that is not there', async () => {
    const files = withFiles({ '/work/run.sh': '#! /bin/bash -e\nls\n' })
    for (const line of ['/bin/sh: ./run.sh: not found', '/bin/sh: line 1: ./run.sh: No such file or directory'])
      assert.match((await said(line, files)) ?? '', /^no such interpreter: \/bin\/bash, which the #! line of \.\/run\.sh names/)
  })
  it('is of no such interpreter when a heredoc names one that is not there', async () => {
    const script = { name: 'EOF', content: '#!/usr/bin/python3\nprint(1)\n' }
    assert.match(
      (await said('/bin/sh: /dev/pipes/EOF: not found', withFiles({}, { script }))) ?? '',
      /^no such interpreter: \/usr\/bin\/python3,/,
    )
  })
  it('is of no such interpreter when bash says so', async () => {
    for (const exit of [126, 127])
      assert.match(
        (await said('/bin/bash: line 1: /x: /no/such: bad interpreter: No such file or directory', withFiles({}), exit)) ?? '',
        /^no such interpreter: \/no\/such, which the #! line of \/x names/,
      )
  })
  it('tells of carriage returns', async () => {
    const files = withFiles({ '/x': '#!/bin/sh\r\nls\r\n', '/bin/sh': '' })
    assert.match((await said('/bin/sh: /x: not found', files)) ?? '', /#! line of \/x ends in a carriage return/)
    assert.match((await said('/usr/bin/env: ‘sh\r’: No such file or directory')) ?? '', /^command not found: sh with a carriage return/)
  })
  it('names both for a path that the step itself has made', async () =>
    assert.match((await said('/bin/sh: /x: not found')) ?? '', /^command not found: \/x: .*no such interpreter/))
  it('names the loader for a program that is there', async () =>
    assert.match((await said('/bin/sh: /x: not found', withFiles({ '/x': '\u007fELF' }))) ?? '', /^\/x is there, .*libc/))

  it('names the signal behind a status above 128', async () => {
    assert.match((await said('Killed', withFiles({}), 137)) ?? '', /^137 .* SIGKILL .*out of memory/)
    assert.match((await said('Segmentation fault', withFiles({}), 139)) ?? '', /^139 .* SIGSEGV .*crashed/)
    assert.equal(await said('x', withFiles({}), 255), undefined)
    assert.equal(await said('x', withFiles({}), 1), undefined)
    assert.equal(signalName(11), 'SIGSEGV')
  })
})
