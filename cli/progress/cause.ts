import type { MissCause } from '../../registry/oci/event.ts'
import { shortened } from '../printable.ts'

/** Hex characters of a digest that are shown. */
const SHOWN_HEX = 12
/** Characters of an instruction that are shown. */
const SHOWN_TEXT = 80

/** Why a step was done, in one line, not yet made printable. */
export function causeText(cause: MissCause): string {
  return shortened(lineOf(cause))
}

function lineOf(cause: MissCause): string {
  const { part, name = '' } = cause
  switch (part) {
    case 'never-seen':
      return 'never done before'
    case 'forced':
      return '--no-cache'
    case 'pruned':
      return 'its result is no longer in the store'
    case 'instruction':
      return `the instruction was: ${brief(cause.was)}`
    case 'file':
      return `${fileText(cause)}${cause.more === undefined ? '' : `, and ${cause.more} more`}`
    case 'argument':
      return `build argument ${name} ${changed(cause)}`
    case 'variable':
      return `environment variable ${name} ${changed(cause)}`
    case 'mount':
      return `mount ${name} ${changed(cause)}`
    case 'option':
      return `${name} ${changed(cause)}`
    case 'parent':
      return `the step before gave another result: ${brief(name)}`
    case 'base':
      return `base ${name} ${changed(cause)}`
    case 'platform':
      return `platform ${changed(cause)}`
  }
}

function fileText({ name, was, is }: MissCause): string {
  if (name === undefined) return 'its files changed'
  if (was !== undefined && is?.startsWith('name ')) return `${is.slice(5)} was called ${was.slice(5)}`
  return `${name} ${changed({ part: 'file', was, is })}`
}

function changed({ was, is }: MissCause): string {
  if (was === undefined) return 'is new'
  if (is === undefined) return 'is gone'
  return `changed: ${brief(was)} -> ${brief(is)}`
}

/** The beginning of a digest or text. */
function brief(text = ''): string {
  const digest = /^(?:sha256|sha512):([0-9a-f]{64,})$/.exec(text)
  if (digest !== null) return digest[1]?.slice(0, SHOWN_HEX) ?? ''
  return text.length > SHOWN_TEXT ? `${text.slice(0, SHOWN_TEXT - 3)}...` : text
}
