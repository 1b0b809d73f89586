import { printableLines } from '../printable.ts'

/** Markup that may be inserted as it is. Only `html` and `raw` make it, so that no text is taken for it. */
export interface Html {
  readonly markup: string
}

export type HtmlValue = Html | string | number | undefined | readonly HtmlValue[]

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** A template of markup. Texts in it are escaped, for elements and for attributes in quotes; controls and what turns text around are shown as `\x1b`. */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return raw(strings.map((text, index) => text + markupOf(values[index])).join(''))
}

/** Markup of our own. */
export function raw(markup: string): Html {
  return { markup }
}

/** JSON for a script element: no value in it can end the element or begin a comment. */
export function scriptJson(value: unknown): Html {
  return raw(JSON.stringify(value).replaceAll('<', '\\u003c'))
}

function markupOf(value: HtmlValue): string {
  if (value === undefined) return ''
  if (typeof value === 'string' || typeof value === 'number') return escaped(String(value))
  return 'markup' in value ? value.markup : value.map(markupOf).join('')
}

function escaped(text: string): string {
  return printableLines(text).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}
