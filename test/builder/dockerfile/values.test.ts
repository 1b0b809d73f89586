import assert from 'node:assert/strict'
import { formatDuration, readDuration } from '../../../builder/dockerfile/duration.ts'
import { readJsonForm } from '../../../builder/dockerfile/json-form.ts'
import { applyMode, readMode } from '../../../builder/dockerfile/mode.ts'
import { readPort } from '../../../builder/dockerfile/ports.ts'
import { readSignal } from '../../../builder/dockerfile/signals.ts'
import { remoteSource } from '../../../builder/dockerfile/sources.ts'
import { didYouMean, editDistance, suggest } from '../../../builder/dockerfile/suggest.ts'

describe('readDuration', () => {
  for (const [text, ns] of [
    ['0', 0],
    ['0s', 0],
    ['30s', 30e9],
    ['+1m30s', 90e9],
    ['1.5h', 5400e9],
    ['.5s', 5e8],
    ['1.s', 1e9],
    ['100us', 1e5],
    ['100µs', 1e5],
    ['1h2m3s4ms5us6ns', 3723004005006],
    ['', undefined],
    ['30', undefined],
    ['-1s', undefined],
    ['1 s', undefined],
    ['1d', undefined],
    ['.s', undefined],
    ['1s30', undefined],
    ['99999999h', undefined],
  ] as const)
    it(`${JSON.stringify(text)} is ${ns} ns`, () => assert.equal(readDuration(text), ns))
})

describe('formatDuration', () => {
  for (const [ns, text] of [
    [0, '0s'],
    [1, '1ns'],
    [1500, '1.5µs'],
    [5e8, '500ms'],
    [1.5e9, '1.5s'],
    [30e9, '30s'],
    [90e9, '1m30s'],
    [60e9, '1m0s'],
    [3600e9, '1h0m0s'],
    [3723004005006, '1h2m3.004005006s'],
  ] as const)
    it(`prints ${ns} ns as ${text}`, () => assert.equal(formatDuration(ns), text))
})

describe('readPort', () => {
  for (const [word, expected] of [
    ['80', ['80/tcp']],
    ['80/TCP', ['80/tcp']],
    ['53/udp', ['53/udp']],
    ['9/sctp', ['9/sctp']],
    ['0', ['0/tcp']],
    ['080', ['80/tcp']],
    ['65535', ['65535/tcp']],
    ['8000-8002/udp', ['8000/udp', '8001/udp', '8002/udp']],
    ['8080:80', ['80/tcp']],
    ['127.0.0.1:8080:80/udp', ['80/udp']],
    ['127.0.0.1::80', ['80/tcp']],
    ['[::1]:8080:80', ['80/tcp']],
    ['65536', undefined],
    ['8002-8000', undefined],
    ['80/icmp', undefined],
    ['80/', ['80/tcp']],
    ['/tcp', undefined],
    ['http', undefined],
    ['-80', undefined],
    ['80-', undefined],
    ['host.name:80:80', undefined],
    ['', undefined],
  ] as const)
    it(`${JSON.stringify(word)} is ${expected?.join(' ') ?? 'no port'}`, () => assert.deepEqual(readPort(word)?.ports, expected))

  it('notes a host part', () => assert.deepEqual([readPort('80')?.hostPart, readPort('8080:80')?.hostPart], [false, true]))
})

describe('readSignal', () => {
  for (const [text, number] of [
    ['SIGTERM', 15],
    ['term', 15],
    ['9', 9],
    ['SIGSYS', 31],
    ['SIGIOT', 6],
    ['SIGPOLL', 29],
    ['RTMIN', 34],
    ['SIGRTMIN+15', 49],
    ['SIGRTMAX-14', 50],
    ['RTMAX', 64],
    ['0', undefined],
    ['65', 65],
    ['-9', -9],
    ['+9', 9],
    ['00', undefined],
    ['SIGFOO', undefined],
    ['RTMIN-1', undefined],
    ['RTMAX+1', undefined],
    ['RTMIN+31', undefined],
    ['constructor', undefined],
    ['', undefined],
  ] as const)
    it(`${JSON.stringify(text)} is ${number}`, () => assert.equal(readSignal(text), number))
})

describe('readMode and applyMode', () => {
  // What GNU chmod makes of it with umask 0.
  for (const [text, file, directory] of [
    ['0', 0, 0],
    ['644', 0o644, 0o644],
    ['0755', 0o755, 0o755],
    ['7777', 0o7777, 0o7777],
    ['u+x', 0o744, 0o744],
    ['+x', 0o755, 0o755],
    ['a=rX', 0o444, 0o555],
    ['u=rwX,go=rX', 0o644, 0o755],
    ['g=u', 0o664, 0o664],
    ['o=g,g=o', 0o644, 0o644],
    ['go-r', 0o600, 0o600],
    ['u+rw-x', 0o644, 0o644],
    ['ug+s', 0o6644, 0o6644],
    ['+t', 0o1644, 0o1644],
    ['u+t', 0o644, 0o644],
    ['=', 0, 0],
  ] as const)
    it(`${text} makes 0644 ${file.toString(8)}, and for a directory ${directory.toString(8)}`, () => {
      const mode = readMode(text)
      assert.ok(mode !== undefined)
      assert.deepEqual([applyMode(mode, 0o644, false), applyMode(mode, 0o644, true)], [file, directory])
    })

  it('keeps the set-id bits of a directory unless they are named', () => {
    const mode = readMode('u=rwx,g=rx')
    assert.ok(mode !== undefined)
    assert.deepEqual([applyMode(mode, 0o6644, true).toString(8), applyMode(mode, 0o6644, false).toString(8)], ['6754', '754'])
  })

  for (const text of ['', '10000', '888', '64a', 'x+u', 'u', 'u+rw,', 'rwx', 'u+xy', '-644'].filter(
    (text) => text !== 'u+' && text !== 'u+g+',
  ))
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(readMode(text), undefined))
})

describe('readJsonForm', () => {
  for (const [text, expected] of [
    ['[]', []],
    ['["a", "b\\n"]', ['a', 'b\n']],
    [' [ "a" ] ', ['a']],
    ['["\\ud800"]', ['\ufffd']],
    ['["\\ud83d\\ude80"]', ['🚀']],
    ['["a", 1]', 'not-strings'],
    ['[null]', 'not-strings'],
    ['[["a"]]', 'not-strings'],
    ["['a']", undefined],
    ['["a",]', undefined],
    ['["a"] x', undefined],
    ['["a"', undefined],
    ['{"a": 1}', undefined],
    ['"a"', undefined],
    ['', undefined],
  ] as const)
    it(`${text} is ${JSON.stringify(expected)}`, () => assert.deepEqual(readJsonForm(text), expected))
})

describe('remoteSource', () => {
  for (const [source, kind] of [
    ['a/b', undefined],
    ['github.com/a/b', undefined],
    ['https://example.com/a.tar', 'http'],
    ['HTTP://example.com', 'http'],
    ['https://example.com/a.git', 'git'],
    ['https://example.com/a.git#main:dir', 'git'],
    ['https://example.com/a.git?branch=x', 'git'],
    ['https://example.com/a#b.git', 'http'],
    ['https://example.com/a.git/', 'http'],
    ['git://example.com/a', 'git'],
    ['ssh://git@example.com/a', 'git'],
    ['git@github.com:a/b.git', 'git'],
    ['a@b', undefined],
    ['ftp://example.com/a', undefined],
  ] as const)
    it(`${source} is ${kind ?? 'a path'}`, () => assert.equal(remoteSource(source), kind))
})

describe('suggest', () => {
  for (const [word, known, expected] of [
    ['RUM', ['RUN', 'CMD'], 'RUN'],
    ['FORM', ['FROM', 'RUN'], 'FROM'],
    ['copi', ['COPY', 'CMD'], 'COPY'],
    ['--taget', ['--target', '--tag'], '--target'],
    ['x', ['y'], undefined],
    ['mount', ['mount'], undefined],
    ['Mount', ['mount'], 'mount'],
    ['network', ['mount', 'security'], undefined],
    ['', ['a'], undefined],
    ['a'.repeat(1000), ['a'], undefined],
  ] as const)
    it(`${word.slice(0, 10)} was ${expected ?? 'nothing known'}`, () => assert.equal(suggest(word, known), expected))

  it('counts a swap as one mistake', () =>
    assert.deepEqual([editDistance('form', 'from'), editDistance('', 'abc'), editDistance('kitten', 'sitting')], [1, 3, 3]))
  it('makes a hint', () => assert.equal(didYouMean('RUM', ['RUN']), 'did you mean RUN?'))
})
