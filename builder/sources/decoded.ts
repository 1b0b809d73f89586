/** A part of a URL, percent signs resolved; as it is written where that gives no UTF-8. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
