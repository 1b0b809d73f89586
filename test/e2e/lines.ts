/** A text file of these lines. */
export const lines = (...all: readonly string[]) => all.map((line) => `${line}\n`).join('')
