import { checkFlags, textFlag } from '../flags.ts'
import type { FromInstruction } from '../instruction.ts'
import { type Statement, syntaxError, withBase } from '../statement.ts'
import { splitBlanks } from '../words.ts'

const STAGE_NAME = /^[a-z][a-z0-9-_.]*$/

/** `FROM [--platform=p] image [AS name]` */
export function readFrom(statement: Statement): FromInstruction {
  checkFlags(statement.flags, { platform: 'text' }, 'FROM')
  const [image, as, name, ...more] = splitBlanks(statement.line.text, statement.args)
  if (image === undefined || (as !== undefined && (name === undefined || more.length > 0 || as.text.toUpperCase() !== 'AS')))
    throw syntaxError(statement, 'FROM requires either one or three arguments', 'write FROM image, or FROM image AS name')
  const stageName = name?.text.toLowerCase()
  if (stageName !== undefined && !STAGE_NAME.test(stageName))
    throw syntaxError(
      statement,
      `invalid name for build stage: ${JSON.stringify(name?.text)}`,
      'a name begins with a letter and goes on with letters, digits, "-", "_" and "."',
      name,
    )
  return withBase(statement, { kind: 'from', image: image.text, platform: textFlag(statement.flags, 'platform'), stageName })
}
