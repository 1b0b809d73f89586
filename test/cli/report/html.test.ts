import assert from 'node:assert/strict'
import { html, raw, scriptJson } from '../../../cli/report/html.ts'

describe('html', () => {
  it('escapes texts, also in lists and attributes, and leaves markup', () => {
    const text = `<b a="1" c='2'>&amp;`
    const shown = '&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;amp;'
    assert.equal(
      html`<p title="${text}">${[text, [html`<i>${text}</i>`]]}${1}${undefined}</p>`.markup,
      `<p title="${shown}">${shown}<i>${shown}</i>1</p>`,
    )
    assert.equal(html`${raw('<br>')}`.markup, '<br>')
  })
  it('takes nothing for markup that came as a text', () => {
    assert.equal(html`${JSON.stringify({ markup: '<b>' })}`.markup, '{&quot;markup&quot;:&quot;&lt;b&gt;&quot;}')
  })
  it('shows what is not seen or turns text around', () => {
    assert.equal(html`a\n${'\0\x1b[1m\u202e\ud800\n'}`.markup, 'a\n\\x00\\x1b[1m\\u202e\\ud800\n')
  })
  it('lets no JSON end its script element, or begin a comment in it', () => {
    const value = { '</script>': ['<!--<script>', ']]>', '\u2028\ud800'] }
    const { markup } = scriptJson(value)
    assert.doesNotMatch(markup, /</)
    assert.deepEqual(JSON.parse(markup), value)
  })
})
