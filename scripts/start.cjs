#!/usr/bin/env node
// Starts the bundle (copied there as tsbuild.cjs) with the compiled code that lies beside it: compiling takes as long as all the rest of a short
// command. Code of another version of Node is refused by V8, and the source is compiled as ever.
'use strict'
const { readFileSync } = require('node:fs')
const path = require('node:path')
const vm = require('node:vm')

const loaded = new Map()

function compiledCode(file) {
  try {
    return readFileSync(`${file}.code`)
  } catch {
    return undefined
  }
}

/** The exports of a file of the bundle, which is run once. */
function load(name) {
  const known = loaded.get(name)
  if (known) return known.exports
  const file = path.join(__dirname, name)
  const module = { exports: {} }
  loaded.set(name, module)
  // The bundle is ASCII, and latin1 is what V8 keeps such text as.
  const source = `(function (exports, require, module, __filename, __dirname) {${readFileSync(file, 'latin1')}\n})`
  const script = new vm.Script(source, { filename: file, cachedData: compiledCode(file) })
  script.runInThisContext().call(module.exports, module.exports, requireFromBundle, module, file, __dirname)
  return module.exports
}

function requireFromBundle(id) {
  return id.startsWith('./') ? load(id.slice(2)) : require(id)
}

load('main.cjs')
