/** Version of the program; test/cli/version.test.ts compares it with package.json. */
export const VERSION = '0.1.0'
