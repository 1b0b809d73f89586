import fc from 'fast-check'

/** Pieces that mean something to the parser, to be put together at random. */
const PIECES = [
  ...[
    'FROM',
    'from',
    'RUN',
    'Run',
    'COPY',
    'ADD',
    'ENV',
    'ARG',
    'LABEL',
    'CMD',
    'ONBUILD',
    'HEALTHCHECK',
    'NONE',
    'SHELL',
    'EXPOSE',
    'VOLUME',
  ],
  ...[
    'USER',
    'WORKDIR',
    'STOPSIGNAL',
    'ENTRYPOINT',
    'MAINTAINER',
    'AS',
    'as',
    'RUM',
    'scratch',
    'a',
    'B',
    'a/b:c',
    'SIGTERM',
    '80/TCP',
    '1:2',
  ],
  ...[' ', ' ', ' ', '\t', '\n', '\n', '\n', '\r\n', '\\\n', '`\n', '\\ \n', '\\', '`', '\v', '\u0085', '\u00a0', '\ufeff'],
  ...['#', '# ', '# escape=`\n', '# check=skip=all\n', '# check=error=true\n', '# check=', '# syntax=docker/dockerfile:1\n', '#!/bin/sh\n'],
  ...[
    '--',
    '--from=',
    '--platform=',
    '--mount=type=secret,id=x',
    '--chmod=',
    '--link',
    '--x',
    '=',
    '==',
    'a=b',
    '"',
    "'",
    '"a b"',
    '$',
    '${',
  ],
  ...[
    '}',
    '$a',
    '${a:-b}',
    '${a/b/c}',
    '[',
    ']',
    '["a"]',
    '["a", 1]',
    '<<',
    '<<-',
    '<<EOF',
    '<<"EOF"',
    'EOF\n',
    '3<<E',
    '\nEOF\n',
    '((',
    '))',
  ],
  ...['\u20ac', '\ud83d\ude00', '\ud800', '\x1b', '..', '/', '*', '!', ',', ';', '@', ':'],
] as const

/** Text that comes near to a Dockerfile. */
export const nearDockerfiles: fc.Arbitrary<string> = fc
  .tuple(fc.constantFrom('FROM a\n', 'FROM a\n', 'ARG x=1\nFROM a\n', ''), fc.array(fc.constantFrom(...PIECES), { maxLength: 40 }))
  .map(([head, pieces]) => head + pieces.join(''))

const word = fc.constantFrom('a', 'b/c', 'x.txt', '/usr/bin', 'v1.2', '$a', '${b:-c}', 'é')
const words = fc.array(word, { minLength: 1, maxLength: 4 }).map((list) => list.join(' '))
/** What may stand between two words of an instruction. */
const gap = fc.constantFrom(' ', '  ', '\t', ' \\\n', ' \\\n  ', ' \\  \n# comment\n ', ' \\\n    # comment\n')
const shellText = fc.tuple(words, gap, words).map(([one, between, two]) => `echo ${one}${between}&& echo ${two}`)
const comment = fc.constantFrom('', '', '# about it\n', '#\n', '\n', '  # indented\n')
const keyword = (name: string) => fc.constantFrom(name, name, name.toLowerCase())

const instruction = fc.oneof(
  fc.tuple(keyword('RUN'), gap, shellText).map(([run, between, text]) => `${run}${between}${text}`),
  fc.tuple(keyword('RUN'), shellText).map(([run, text]) => `${run} <<EOF\n${text.replaceAll('\\\n', '\n')}\nEOF`),
  fc.tuple(keyword('CMD'), fc.array(word)).map(([cmd, argv]) => `${cmd} ${JSON.stringify(argv)}`),
  fc
    .tuple(keyword('COPY'), fc.constantFrom('', '--chown=1:2 ', '--from=x \\\n '), words, gap)
    .map(([copy, flag, from, to]) => `${copy} ${flag}${from}${to}/d/`),
  fc.tuple(keyword('ENV'), word, gap).map(([env, value, between]) => `${env} A=${value}${between}B="x ${value}"`),
  fc.tuple(keyword('ARG'), word).map(([arg, value]) => `${arg} N=${value}`),
  fc.tuple(keyword('LABEL'), word).map(([label, value]) => `${label} l.m=${value}`),
  fc.tuple(fc.constantFrom('WORKDIR', 'USER', 'STOPSIGNAL', 'VOLUME', 'MAINTAINER'), word).map(([name, value]) => `${name} ${value}`),
  fc.constantFrom('EXPOSE 80 443/udp', 'HEALTHCHECK NONE', 'HEALTHCHECK --interval=3s CMD x', 'SHELL ["/bin/bash"]', 'ENTRYPOINT x'),
  fc.tuple(keyword('ONBUILD'), shellText).map(([onbuild, text]) => `${onbuild} RUN ${text}`),
  fc
    .tuple(
      keyword('FROM'),
      word.filter((name) => !name.includes('$')),
      fc.constantFrom('', ' AS s', ' as s'),
    )
    .map(([from, name, as]) => `${from} ${name}${as}`),
)

/** Dockerfiles that parse: an instruction after the other, with comments, blank lines and continuations. */
export const dockerfiles: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom('', '# escape=\\\n', '# a comment\n'),
    fc.array(fc.tuple(comment, instruction), { maxLength: 8 }),
    fc.constantFrom('\n', '\n', '\r\n', ''),
  )
  .map(([head, list, end]) => {
    const text = `${head}FROM base\n${list.map(([above, one]) => `${above}${one}\n`).join('')}`
    return end === '\r\n' ? text.replaceAll('\n', '\r\n') : end === '' ? text.slice(0, -1) : text
  })
