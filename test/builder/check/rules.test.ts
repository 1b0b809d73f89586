import assert from 'node:assert/strict'
import { type Case, firedBy } from './checking.ts'

/** What stands in the file, and `Rule line` for each place where a rule fires. */
type Row = readonly [what: string, text: string, fired: readonly string[], options?: Case]

const ROWS: readonly Row[] = [
  // casing
  ['as many lower as upper: upper is right', 'FROM a\nuser b', ['ConsistentInstructionCasing 2']],
  ['more lower: lower is right', 'from a\nuser b\nUSER c', ['ConsistentInstructionCasing 3']],
  ['mixed has no vote and is always wrong', 'From a\nUser b\nuser c', ['ConsistentInstructionCasing 1', 'ConsistentInstructionCasing 2']],
  ['ARG before FROM is not looked at', 'arg a=1\nFROM a\nUSER b', []],
  ['the keyword after ONBUILD is not looked at', 'FROM a\nONBUILD run x', []],
  ['as in another case than from', 'from a AS b\nuser c', ['FromAsCasing 1']],
  ['As is in no case', 'FROM a As b', ['FromAsCasing 1']],
  ['AS after a mixed From', 'From a as b\nUSER c', ['ConsistentInstructionCasing 1']],
  ['a stage name over several lines', 'FROM a \\\n AS \\\n Big', ['StageNameCasing 1']],
  ['a flag before the name', 'FROM --platform=$BUILDPLATFORM a AS Big', ['StageNameCasing 1']],
  // names
  ['a name three times', 'FROM a AS x\nFROM a AS x\nFROM a AS X', ['DuplicateStageName 2', 'StageNameCasing 3', 'DuplicateStageName 3']],
  ['scratch as a name', 'FROM a AS scratch\nUSER x', ['ReservedStageName 1']],
  ['stages that nobody needs are read, too', 'FROM a AS Unused\nMAINTAINER x\nFROM b', ['StageNameCasing 1', 'MaintainerDeprecated 2']],
  ['an experimental rule is off', '# something\nARG x=1\nFROM a', []],
  ['an experimental rule that is on', '# check=experimental=all\n# something\nARG x=1\nFROM a', ['InvalidDefinitionDescription 3']],
  ['a description of one of several', '# check=experimental=all\n# y is it\nARG x=1 y=2\nFROM a', []],
  ['the last comment line counts', '# check=experimental=all\n# x is it\n# and more\nARG x=1\nFROM a', ['InvalidDefinitionDescription 4']],
  ['a blank line between comment and ARG', '# check=experimental=all\n# something\n\nARG x=1\nFROM a', []],
  ['a comment above a stage without a name', '# check=experimental=all\n# something\nFROM a', []],
  // FROM
  ['an automatic argument', 'FROM a:$TARGETARCH', []],
  ['an argument declared without a value', 'ARG x\nFROM a$x', []],
  ['an argument declared after FROM', 'FROM a\nARG x=1\nFROM b$x', ['UndefinedArgInFrom 3']],
  ['an unknown argument in --platform', 'FROM --platform=$X$BUILDPLATFORM a', ['UndefinedArgInFrom 1']],
  ['an argument of the command line alone', 'FROM a$x', ['UndefinedArgInFrom 1', 'UnusedBuildArg'], { args: { x: '1' } }],
  ['a default that is no image name', 'ARG x=A\nFROM $x', ['InvalidDefaultArgInFrom 2'], { args: { x: 'a' } }],
  ['a default by :-', 'ARG x\nFROM ${x:-a}', []],
  ['$TARGETPLATFORM in braces', 'FROM --platform=${TARGETPLATFORM} a', ['RedundantTargetPlatform 1']],
  ['$TARGETPLATFORM with something', 'FROM --platform=${TARGETPLATFORM:-linux/amd64} a', ['RedundantTargetPlatform 1']],
  ['parts of the target', 'FROM --platform=$TARGETOS/$TARGETARCH a', []],
  ['a constant, the stage named by the system', 'FROM --platform=linux/amd64 a AS on-linux', []],
  ['a constant without a name', 'FROM --platform=linux/amd64 a', ['FromPlatformFlagConstDisallowed 1']],
  ['what cannot be run here', 'FROM --platform=linux/arm64 a AS arm64\nRUN x\nLABEL l=$x', ['UndefinedVar 3']],
  ['what cannot be made here', 'FROM --platform=windows/amd64 a AS windows\nRUN x\nLABEL l=$x', ['UndefinedVar 3']],
  ['an image of another platform that nobody asked for', 'FROM other-platform', ['InvalidBaseImagePlatform 1']],
  // values
  ['a variable of the base image', 'FROM a\nWORKDIR $HOME', [], { base: { Env: ['HOME=/root'] } }],
  ['a global argument that the stage does not repeat', 'ARG x=1\nFROM a\nLABEL l=$x', ['UndefinedVar 3']],
  ['an argument without a value', 'FROM a\nARG x\nLABEL l=$x', []],
  ['a variable in a heredoc', 'FROM a\nCOPY <<EOF /x\n$x\nEOF', ['UndefinedVar 2']],
  ['a variable in a quoted heredoc', 'FROM a\nCOPY <<"EOF" /x\n$x\nEOF', []],
  ['one variable twice on a line', 'FROM a\nLABEL l=$x m=$x', ['UndefinedVar 2']],
  ['a variable in a stage that nobody needs', 'FROM a AS x\nLABEL l=$x\nFROM b', []],
  ['a variable there when all stages are checked', 'FROM a AS x\nLABEL l=$x\nFROM b', ['UndefinedVar 2'], { allStages: true }],
  [
    'secrets by their words',
    'FROM a\nARG GITHUB_TOKEN\nENV monkey=1 api_key=2 PUBLIC_KEY=3',
    ['SecretsUsedInArgOrEnv 2', 'SecretsUsedInArgOrEnv 3'],
  ],
  ['a secret before FROM', 'ARG TOKEN=1\nFROM a', []],
  ['LABEL in the old form', 'FROM a\nLABEL a b', ['LegacyKeyValueFormat 2']],
  ['a port from a variable', 'FROM a\nARG P="80/TCP 1:2"\nEXPOSE $P', ['ExposeProtoCasing 3', 'ExposeInvalidFormat 3']],
  // order
  ['a relative WORKDIR after an absolute one below', 'FROM a AS x\nWORKDIR /x\nFROM x\nWORKDIR y', []],
  [
    'a relative WORKDIR although the base image has one',
    'FROM a\nWORKDIR y\nWORKDIR z',
    ['WorkdirRelativePath 2'],
    { base: { WorkingDir: '/x' } },
  ],
  ['a WORKDIR that a variable makes absolute', 'FROM a\nARG d=/x\nWORKDIR $d', []],
  ['CMD in each of two stages', 'FROM a AS x\nCMD ["a"]\nFROM x\nCMD ["b"]', []],
  [
    'three health checks',
    'FROM a\nHEALTHCHECK NONE\nHEALTHCHECK NONE\nHEALTHCHECK NONE',
    ['MultipleInstructionsDisallowed 2', 'MultipleInstructionsDisallowed 3'],
  ],
  ['ENTRYPOINT in shell form', 'FROM a\nENTRYPOINT x', ['JSONArgsRecommended 2']],
  ['CMD in shell form with SHELL', 'FROM a\nSHELL ["/bin/bash", "-c"]\nCMD x', []],
  ['CMD in shell form with the SHELL of the base', 'FROM a\nCMD x', [], { base: { Shell: ['/bin/bash'] } }],
  ['RUN and HEALTHCHECK in shell form', 'FROM a\nRUN x\nHEALTHCHECK CMD x', []],
  // the ignore file
  ['a folder that is left out', 'FROM a\nADD out/x b c/', ['CopyIgnoredFile 2'], { ignore: 'out' }],
  ['a folder left out, with a negation', 'FROM a\nCOPY out/x /', [], { ignore: 'out\n!out/x' }],
  ['a folder left out but for a file of it', 'FROM a\nCOPY out /', [], { ignore: 'out\n!out/keep/x' }],
  ['a folder left out but for what a wildcard names', 'FROM a\nCOPY out /', [], { ignore: 'out\n!*/x' }],
  ['a wildcard in a folder left out but for a file', 'FROM a\nCOPY out/* /', [], { ignore: 'out\n!out/x' }],
  ['a wildcard in a folder left out', 'FROM a\nCOPY out/* /', ['CopyIgnoredFile 2'], { ignore: '!out/x\nout\n!in/x' }],
  ['a wildcard at the top, with a negation', 'FROM a\nCOPY *.md /', [], { ignore: '*.md\n!x.md' }],
  ['a file left out, with a negation of its neighbour', 'FROM a\nCOPY out/x /', ['CopyIgnoredFile 2'], { ignore: 'out\n!out/y' }],
  ['a folder left out after the negation', 'FROM a\nCOPY out /', ['CopyIgnoredFile 2'], { ignore: '!out/x\nout' }],
  ['the whole context, some of it let in', 'FROM a\nCOPY . /', [], { ignore: '*\n!src' }],
  ['what negations of other paths leave out', 'FROM a\nCOPY out/x /', ['CopyIgnoredFile 2'], { ignore: 'out\n!out/y\n!in' }],
  ['what a negation before it leaves out', 'FROM a\nCOPY out/x /', ['CopyIgnoredFile 2'], { ignore: '!out/x\nout' }],
  ['a pattern of what a negation may let in', 'FROM a\nCOPY out/*.c /\nCOPY *.d /', [], { ignore: 'out\n*.d\n!out/x.c' }],
  ['a pattern below what no negation lets in', 'FROM a\nCOPY out/*.c /', ['CopyIgnoredFile 2'], { ignore: 'out\n!in' }],
  ['the whole context, with a negation', 'FROM a\nCOPY . /', [], { ignore: '**\n!x' }],
  ['a file of another stage', 'FROM a AS x\nFROM a\nCOPY --from=x out /', [], { ignore: 'out' }],
  ['the whole context, some of it left out', 'FROM a\nCOPY . /', [], { ignore: 'out\n*.txt' }],
  ['the whole context, all of it left out', 'FROM a\nCOPY . /\nCOPY / /x', ['CopyIgnoredFile 2', 'CopyIgnoredFile 3'], { ignore: '**/*' }],
  ['a source from a variable', 'FROM a\nARG s=out\nCOPY $s /', ['CopyIgnoredFile 3'], { ignore: 'out' }],
  ['no ignore file', 'FROM a\nCOPY . /', []],
]

describe('build checks', () => {
  for (const [what, text, expected, options] of ROWS)
    it(`${expected.length === 0 ? 'say nothing of' : 'tell'} ${what}`, async () => assert.deepEqual(await firedBy(text, options), expected))
})
