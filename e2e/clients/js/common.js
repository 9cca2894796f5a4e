// What every check uses.
'use strict'

const assert = require('assert')

// Unsupported says that the library has no means for something.
class Unsupported extends Error {}

// messages makes n that differ, step milliseconds apart, large and alike enough that compression pays.
function messages(n, label, start = Date.now(), step = 1, partitions = 1) {
  return Array.from({ length: n }, (_, i) => ({
    partition: i % partitions, key: `key-${i}`, value: `${label}-${i} ${'klab '.repeat(i % 50)}`, header: `header-${i}`,
    time: start + i * step
  }))
}

function check(holds, otherwise) {
  if (!holds) throw new Error(otherwise)
}

// same compares contents in order; offsets are the broker's.
function same(want, got) {
  check(want.length === got.length, `read ${got.length}, want ${want.length}`)
  const plain = list => list.map(m => typeof m === 'object' ? { ...m, offset: undefined } : m)
  assert.deepStrictEqual(plain(got), plain(want))
}

// until repeats a question, since brokers hear of a change one after the other.
async function until(what, want, question) {
  const deadline = Date.now() + 45000
  let last
  while (Date.now() < deadline) {
    try {
      last = await question()
    } catch (e) {
      if (e instanceof Unsupported) throw e
      last = e
    }
    if (JSON.stringify(last) === JSON.stringify(want)) return
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  throw new Error(`not within 45 s: ${what} is ${JSON.stringify(want)}, it is ${last instanceof Error ? last : JSON.stringify(last)}`)
}

async function refused(what, call) {
  try {
    await call()
  } catch (e) {
    if (e instanceof Unsupported) throw e
    return
  }
  throw new Error(`${what} was accepted`)
}

module.exports = { Unsupported, messages, check, same, until, refused }
