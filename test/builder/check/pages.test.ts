import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isRuleName, pageOf, RULES, type RuleName, ruleOf } from '../../../builder/check/rule.ts'
import { packageRoot } from '../../package-root.ts'
import { prepared } from './checking.ts'

const names = Object.keys(RULES).filter(isRuleName)

/** What the examples of a page are about. */
interface Page {
  readonly text: string
  readonly bad: string
  readonly good: string
  readonly args: Record<string, string>
  readonly ignore: string
}

describe('docs/rules', () => {
  for (const rule of names)
    it(`${rule}: the bad example fires it alone, the good one nothing`, async () => {
      const page = readPage(rule)
      assert.ok(page.text.startsWith(`# ${rule}\n`))
      assert.match(page.text, new RegExp(`# check=(?:skip|experimental)=(?:${rule})?`))
      assert.deepEqual(await rulesOf(page.bad, page), [rule])
      assert.deepEqual(await rulesOf(page.good, page), [])
    })

  it('is silenced as each page says', async () => {
    for (const rule of names.filter((name) => !ruleOf(name).experimental && name !== 'InvalidCheckOption')) {
      const page = readPage(rule)
      assert.deepEqual(await rulesOf(`# check=skip=${rule}\n${page.bad}`, page), [], rule)
    }
  })

  it('has no page but those of the rules, and an index of them all', () => {
    const files = readdirSync(join(packageRoot(), 'docs/rules')).map((file) => `docs/rules/${file}`)
    assert.deepEqual(files.sort(), [...names.map(pageOf), 'docs/rules/README.md'].sort())
    const index = readFileSync(join(packageRoot(), 'docs/rules/README.md'), 'utf8')
    for (const rule of names)
      assert.ok(index.includes(`| [${rule}](${pageOf(rule).slice('docs/rules/'.length)}) | ${ruleOf(rule).summary} |`), rule)
  })

  it('is found by names in words', () =>
    assert.deepEqual((['JSONArgsRecommended', 'UndefinedArgInFrom'] as const).map(pageOf), [
      'docs/rules/json-args-recommended.md',
      'docs/rules/undefined-arg-in-from.md',
    ]))
})

function readPage(rule: RuleName): Page {
  const text = readFileSync(join(packageRoot(), pageOf(rule)), 'utf8')
  const block = (kind: string) =>
    new RegExp(`\`\`\`dockerfile ${kind}\n(.*?)\`\`\``, 's').exec(text)?.[1] ?? assert.fail(`no ${kind} example`)
  const args = [...text.matchAll(/^With `--build-arg (\w+)=(\S+)`/gm)].map(([, name = '', value = '']) => [name, value])
  const ignore = /`\.dockerignore` is the line `(.*)`/.exec(text)?.[1] ?? ''
  return { text, bad: block('bad'), good: block('good'), args: Object.fromEntries(args), ignore }
}

async function rulesOf(dockerfile: string, { args, ignore }: Page): Promise<string[]> {
  const { report, outcome } = await prepared(dockerfile, { args, ignore })
  if ('error' in outcome) throw outcome.error
  return [...new Set(report.map(({ rule }) => rule))]
}
