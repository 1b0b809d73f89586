import { isBlank, skipSpace } from '../characters.ts'
import { checkFlags } from '../flags.ts'
import type { ArgInstruction, EnvInstruction, LabelInstruction, Pair } from '../instruction.ts'
import { argumentText, type Statement, syntaxError, withBase } from '../statement.ts'
import { splitQuoted, type Word } from '../words.ts'

export function readEnv(statement: Statement): EnvInstruction {
  const { pairs, legacy } = readPairs(statement)
  return withBase(statement, { kind: 'env', pairs, legacy })
}

export function readLabel(statement: Statement): LabelInstruction {
  const { pairs, legacy } = readPairs(statement)
  return withBase(statement, { kind: 'label', pairs, legacy })
}

/** `k=v k=v`, or the old `k rest of the line`, told apart by the first word. */
function readPairs(statement: Statement): { pairs: Pair[]; legacy: boolean } {
  checkFlags(statement.flags, {}, statement.keyword)
  const words = splitQuoted(statement.line.text, statement.args, statement.escape)
  const [first] = words
  if (first === undefined)
    throw syntaxError(statement, `${statement.keyword} requires at least one argument`, `write ${statement.keyword} key=value`)
  if (!first.text.includes('=')) return { pairs: [legacyPair(statement)], legacy: true }
  return { pairs: words.map((word) => pairOf(statement, word)), legacy: false }
}

function pairOf(statement: Statement, word: Word): Pair {
  const equals = word.text.indexOf('=')
  if (equals < 0)
    throw syntaxError(
      statement,
      `can't find = in ${JSON.stringify(word.text)}. Must be of the form: name=value`,
      'quote a value that holds spaces',
      word,
    )
  if (equals === 0) throw syntaxError(statement, `${statement.keyword} names can not be blank`, undefined, word)
  return { key: word.text.slice(0, equals), value: word.text.slice(equals + 1) }
}

function legacyPair(statement: Statement): Pair {
  const text = argumentText(statement)
  let end = 0
  while (end < text.length && !isBlank(text[end])) end++
  if (end === text.length)
    throw syntaxError(statement, `${statement.keyword} must have two arguments`, `write ${statement.keyword} ${text}=value`)
  return { key: text.slice(0, end), value: text.slice(skipSpace(text, end)) }
}

/** `name` and `name=default`, several on a line. As in BuildKit, nobody looks at its flags. */
export function readArg(statement: Statement): ArgInstruction {
  const words = splitQuoted(statement.line.text, statement.args, statement.escape)
  if (words.length === 0) throw syntaxError(statement, 'ARG requires at least one argument', 'write ARG name or ARG name=default')
  const args = words.map((word) => {
    const equals = word.text.indexOf('=')
    if (equals === 0) throw syntaxError(statement, 'ARG names can not be blank', undefined, word)
    return equals < 0 ? { key: word.text, value: undefined } : { key: word.text.slice(0, equals), value: word.text.slice(equals + 1) }
  })
  return withBase(statement, { kind: 'arg', args })
}
