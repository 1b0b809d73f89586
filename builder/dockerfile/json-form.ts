/**
 * Reads the JSON form `["a", "b"]`. Undefined when `text` is no JSON array: then it is shell form or a list of words, silently, as in Docker.
 * `'not-strings'` when it is an array that holds something else, which is an error wherever the form is allowed.
 */
export function readJsonForm(text: string): string[] | 'not-strings' | undefined {
  const body = text.trim()
  if (!body.startsWith('[') || !body.endsWith(']')) return undefined
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    return undefined
  }
  if (!Array.isArray(value)) return undefined
  return value.every((item) => typeof item === 'string') ? value.map(wellFormed) : 'not-strings'
}

/** Half a surrogate pair (`"\ud800"`) is no character and cannot become UTF-8. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd')
}
