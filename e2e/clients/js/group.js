// Members of a group are processes of their own, so that they can be killed: `node group.js BOOTSTRAP JSON` takes a seat.
'use strict'

const { spawn } = require('child_process')
const { createInterface } = require('readline')
const client = require('./client')
const { messages, until } = require('./common')

const PARTITIONS = 6

// A process that sits in a group, and its diary.
class Member {
  constructor(bootstrap, seat) {
    this.process = spawn(process.execPath, [__filename, bootstrap, JSON.stringify(seat)], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.exit = new Promise(resolve => this.process.on('exit', resolve))
    this.held = []
    this.seen = new Set()
    createInterface({ input: this.process.stdout }).on('line', line => this.hear(JSON.parse(line)))
  }

  // Every rebalance is eager: an assignment replaces the one before.
  hear([word, what]) {
    if (word === 'assigned') this.held = what
    else this.seen.add(what)
  }

  kill() {
    this.process.kill('SIGKILL')
    return this.exit
  }

  leave() {
    this.process.stdin.end()
    return this.exit
  }
}

// A group with its members; it is named as its topic.
class Party {
  constructor(bootstrap, topic) {
    Object.assign(this, { bootstrap, topic, members: [], sent: 0 })
  }

  join() {
    this.members.push(new Member(this.bootstrap, { group: this.topic, topic: this.topic }))
  }

  // Waits until the members share all partitions evenly, then has messages reach them.
  async settles(when) {
    const share = PARTITIONS / this.members.length
    await until(`${when}, the share`, [this.members.map(() => share), PARTITIONS], () =>
      [this.members.map(m => m.held.length), new Set(this.members.flatMap(m => m.held)).size])
    const batch = messages(10 * PARTITIONS, `part-${this.sent++}`, Date.now(), 1, PARTITIONS)
    await client.produce(this.topic, batch)
    await until(`${when}, what is left to consume`, [], () =>
      batch.map(m => m.value).filter(value => !this.members.some(m => m.seen.has(value))))
  }

  close() {
    return Promise.all(this.members.map(m => m.leave()))
  }
}

// groupOfOne runs something while a group, named as its topic, is stable with one member; afterwards it is empty.
async function groupOfOne(bootstrap, topic, during) {
  const member = new Member(bootstrap, { group: topic, topic })
  try {
    await until('the partitions held', 2, () => member.held.length)
    await until('the group', ['Stable', 1], () => client.describeGroup(topic))
    await during(topic)
  } finally {
    await member.leave()
  }
  await until('the group', ['Empty', 0], () => client.describeGroup(topic))
}

async function main() {
  await client.open(process.argv[2])
  await client.sit(JSON.parse(process.argv[3]), (word, what) => console.log(JSON.stringify([word, what])))
  await client.close()
  process.exit(0)
}

if (require.main === module) main()

module.exports = { Party, groupOfOne, PARTITIONS }
