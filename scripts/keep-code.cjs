// `node --require ./scripts/keep-code.cjs dist/bundle/tsbuild.cjs COMMAND` keeps the code that V8 has compiled for COMMAND beside each file of the
// bundle, together with what was there before. start.cjs loads it.
'use strict'
const { writeFileSync } = require('node:fs')
const vm = require('node:vm')

const scripts = new Map()
vm.Script = class extends vm.Script {
  constructor(source, options) {
    super(source, options)
    scripts.set(options.filename, this)
  }
}
process.on('exit', () => {
  for (const [file, script] of scripts) writeFileSync(`${file}.code`, script.createCachedData())
})
