import { checkFlags } from '../flags.ts'
import { withHeredocs } from '../heredoc.ts'
import type { OnbuildInstruction } from '../instruction.ts'
import { argumentText, type Statement, syntaxError, withBase } from '../statement.ts'
import { readInstruction } from './instruction.ts'
import { innerStatement } from './statement.ts'

/** `ONBUILD instruction`: read in full now, so that a mistake shows here and not in somebody else's build; stored as text. */
export function readOnbuild(statement: Statement): OnbuildInstruction {
  checkFlags(statement.flags, {}, 'ONBUILD')
  const inner = innerStatement(statement)
  if (inner === undefined) throw syntaxError(statement, 'ONBUILD requires at least one argument')
  const word = { start: inner.start, end: inner.start + inner.keyword.length }
  // Asked before the inner instruction is read: `ONBUILD ONBUILD ...` may be any number deep.
  if (inner.keyword === 'ONBUILD') throw syntaxError(statement, "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed", undefined, word)
  const instruction = inner.keyword === 'FROM' || inner.keyword === 'MAINTAINER' ? undefined : readInstruction(inner)
  if (instruction === undefined || instruction.kind === 'from' || instruction.kind === 'maintainer' || instruction.kind === 'onbuild')
    throw syntaxError(statement, `${inner.keyword} isn't allowed as an ONBUILD trigger`, undefined, word)
  return withBase(statement, { kind: 'onbuild', trigger: withHeredocs(argumentText(statement), statement.heredocs), instruction })
}
