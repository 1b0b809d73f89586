import { type SourceRange, TsbuildError } from '../../registry/oci/error.ts'
import type { AddInstruction, CopyInstruction } from '../dockerfile/instruction.ts'
import { remoteSource } from '../dockerfile/sources.ts'
import { located, wordIn } from '../located.ts'
import { checkCommit, readGitUrl } from '../sources/git-url.ts'
import { readHttpUrl } from '../sources/http.ts'
import { readChecksum } from '../sources/remotes.ts'

/** Throws, before anything is fetched, for sources (expanded) and a --checksum (expanded) that cannot be: DOCKERFILE_SYNTAX, GIT_URL, URL_INVALID, CHECKSUM_INVALID. */
export function checkRemotes(
  instruction: CopyInstruction | AddInstruction,
  sources: readonly string[],
  checksum: string | undefined,
): void {
  const { at } = instruction
  try {
    for (const [index, source] of sources.entries()) checkSource(source, instruction, wordIn(at, instruction.sources[index] ?? source))
    if (checksum !== undefined) checkChecksum(checksum, instruction, sources)
  } catch (error) {
    throw located(error, at)
  }
}

function checkSource(source: string, instruction: CopyInstruction | AddInstruction, at: SourceRange): void {
  const kind = kindOf(source, instruction)
  if (kind !== undefined && instruction.kind === 'copy')
    throw broken(`source can't be a git ref or URL for COPY: ${JSON.stringify(source)}`, at, 'use ADD')
  try {
    if (kind === 'git') readGitUrl(source)
    if (kind === 'http') readHttpUrl(source)
  } catch (error) {
    throw located(error, at)
  }
}

function kindOf(source: string, instruction: CopyInstruction | AddInstruction) {
  return remoteSource(source, instruction.kind === 'add' ? instruction.keepGitDir : undefined)
}

function checkChecksum(checksum: string, instruction: CopyInstruction | AddInstruction, sources: readonly string[]): void {
  const { heredocs, flags, at } = instruction
  const place = flags.find(({ name }) => name === 'checksum')?.at ?? at
  const [only, ...others] = sources
  if (only === undefined || others.length + heredocs.length > 0)
    throw broken("checksum can't be specified for multiple sources", place, 'write an ADD for each source')
  const kind = kindOf(only, instruction)
  if (kind === undefined)
    throw broken(`checksum can't be specified for the local source ${JSON.stringify(only)}`, place, 'it is for URLs and git repositories')
  try {
    if (kind === 'git') checkCommit(checksum)
    else readChecksum(checksum)
  } catch (error) {
    throw located(error, place)
  }
}

function broken(message: string, at: SourceRange, hint: string): TsbuildError {
  return new TsbuildError('DOCKERFILE_SYNTAX', message, { at, hint })
}
