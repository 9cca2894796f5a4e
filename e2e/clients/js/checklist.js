// Goes through the checklist of ../checklist with KafkaJS: `node checklist.js BOOTSTRAP [PATTERN]`.
'use strict'

const { randomUUID } = require('crypto')
const client = require('./client')
const { Party, groupOfOne, PARTITIONS } = require('./group')
const { check, messages, refused, same, until, Unsupported } = require('./common')

const bootstrap = process.argv[2]
const pattern = new RegExp(`^${(process.argv[3] || '*').replaceAll('*', '.*')}$`)
const prefix = `kafkajs-${randomUUID().slice(0, 6)}-`
const name = what => prefix + what
let failed = false

async function topic(what, partitions = 1, configs = {}) {
  await client.createTopic(name(what), partitions, configs)
  return name(what)
}

const offsetBecomes = (group, topic, want) => until('the committed offset', want, () => client.groupOffset(group, topic))

async function roundTrip(what, how) {
  const t = await topic(what)
  const want = messages(1000, what)
  await client.produce(t, want.slice(0, 500), how)
  await client.produce(t, want.slice(500), how)
  const got = await client.read(t, 1000)
  same(want, got)
  check(got.every((m, i) => m.offset === i), 'the offsets are not 0 to 999')
}

// Commits, aborts and commits: read_committed sees the first and the last, read_uncommitted all.
async function transaction() {
  const t = await topic('transaction')
  const [first, aborted, last] = ['first', 'aborted', 'last'].map(label => messages(20, label))
  await client.transact(name('tx'), t, first, true)
  await client.transact(name('tx'), t, aborted, false)
  await client.transact(name('tx'), t, last, true)
  same([...first, ...last], await client.read(t, 40, { committed: true }))
  same([...first, ...aborted, ...last], await client.read(t, 60))
}

// Moves messages in transactions, the first of which is aborted; offsets are committed with them or not at all.
async function transactionOffsets() {
  const [from, to, group] = [await topic('transform-in'), await topic('transform-out'), name('transform')]
  const want = messages(30, 'transform')
  await client.produce(from, want)
  for (const [n, commit, committed] of [[10, false, -1], [10, true, 10], [20, true, 30]]) {
    await client.transform(name('transform-tx'), group, from, to, n, commit)
    await offsetBecomes(group, from, committed)
  }
  same(want, await client.read(to, 30, { committed: true }))
}

// Starts at the first message that is not older than a time between two messages.
async function seekByTime() {
  const t = await topic('seek')
  const want = messages(100, 'seek', Date.now() - 3600000, 30000)
  for (let i = 0; i < 100; i += 10) { // several batches, so that the index and the batch are both searched
    await client.produce(t, want.slice(i, i + 10))
  }
  same(want.slice(42), await client.read(t, 58, { since: want[41].time + 1 }))
}

// Reads a part as a group and comes back for the rest.
async function commitAndResume() {
  const [t, group] = [await topic('resume'), name('resume')]
  const want = messages(100, 'resume')
  await client.produce(t, want)
  const first = await client.consume(group, t, 37)
  await offsetBecomes(group, t, 37)
  same(want, [...first, ...await client.consume(group, t, 63)])
}

async function adminTopics() {
  const t = await topic('admin', 2)
  await until('the number of partitions', 2, () => client.partitions(t))
  await refused('a topic that exists', () => client.createTopic(t, 2, {}))
  await client.addPartitions(t, 5)
  await until('the number of partitions', 5, () => client.partitions(t))
  await refused('fewer partitions', () => client.addPartitions(t, 3))
  await client.deleteTopic(t)
  await until('the number of partitions', 0, () => client.partitions(t))
}

async function adminConfigs() {
  const t = await topic('configs', 1, { 'retention.ms': '7200000' })
  await until('retention.ms', '7200000', () => client.topicConfig(t, 'retention.ms'))
  await client.setTopicConfig(t, 'retention.ms', '3600000')
  await until('retention.ms', '3600000', () => client.topicConfig(t, 'retention.ms'))
  await refused('retention.ms=soon', () => client.setTopicConfig(t, 'retention.ms', 'soon'))
  const value = await client.brokerConfig('1', 'group.max.session.timeout.ms')
  check(value === '1800000', `broker 1 has group.max.session.timeout.ms=${value}`)
}

// Moves a group's offsets.
async function adminOffsets() {
  const [t, group] = [await topic('offsets'), name('offsets')]
  const want = messages(50, 'offsets')
  await client.produce(t, want)
  await client.consume(group, t, 50)
  await client.setGroupOffset(group, t, 20)
  await offsetBecomes(group, t, 20)
  same(want.slice(20), await client.consume(group, t, 30))
}

async function adminDeleteRecords() {
  const t = await topic('delete-records')
  await client.produce(t, messages(50, 'records'))
  same([0, 50], await client.offsets(t))
  await client.deleteRecords(t, 30)
  same([30, 50], await client.offsets(t))
}

async function adminOffsetDelete() {
  throw new Unsupported('KafkaJS has no OffsetDelete')
}

async function adminGroups() {
  await groupOfOne(bootstrap, await topic('groups', 2), async group => {
    check((await client.listGroups()).includes(group), `${group} is not listed`)
  })
}

async function adminGroupDelete() {
  const group = await topic('group-delete', 2)
  await groupOfOne(bootstrap, group, () => refused('the deletion of a group with a member', () => client.deleteGroup(group)))
  await client.deleteGroup(group)
  check(!(await client.listGroups()).includes(group), `${group} is still listed`)
}

// Three members, one killed, one added, one leaving.
async function groupEager() {
  const party = new Party(bootstrap, await topic('group-eager', PARTITIONS))
  try {
    for (let i = 0; i < 3; i++) party.join()
    await party.settles('at first')
    await party.members.splice(1, 1)[0].kill()
    await party.settles('after a kill')
    party.join()
    await party.settles('after one joined')
    await party.members.splice(0, 1)[0].leave()
    await party.settles('after one left')
  } finally {
    await party.close()
  }
}

async function one(what, run) {
  if (!pattern.test(what)) return
  try {
    await run()
    console.log(`ok ${what}`)
  } catch (e) {
    if (e instanceof Unsupported) {
      console.log(`n/a ${what}: ${e.message}`)
      return
    }
    failed = true
    console.error(e)
    console.log(`FAIL ${what}: ${String(e).replaceAll('\n', ' ')}`)
  }
}

const groups = {
  'group-eager': groupEager,
  'group-cooperative': async () => { throw new Unsupported('KafkaJS has no cooperative rebalance') },
  'group-static': async () => { throw new Unsupported('KafkaJS has no group.instance.id') }
}

const rest = {
  ...Object.fromEntries(['none', 'gzip', 'snappy', 'lz4', 'zstd'].map(codec =>
    [`produce-${codec}`, () => roundTrip(`produce-${codec}`, { codec })])),
  idempotent: () => roundTrip('idempotent', { idempotent: true }),
  transaction,
  'transaction-offsets': transactionOffsets,
  'transaction-fenced': async () => client.fence(name('fenced-tx'), await topic('fenced')),
  'seek-by-time': seekByTime,
  'commit-and-resume': commitAndResume,
  'admin-topics': adminTopics,
  'admin-configs': adminConfigs,
  'admin-offsets': adminOffsets,
  'admin-delete-records': adminDeleteRecords,
  'admin-offset-delete': adminOffsetDelete,
  'admin-groups': adminGroups,
  'admin-group-delete': adminGroupDelete
}

// The checks of groups wait for timers most of the time and so run beside the others.
async function main() {
  await client.open(bootstrap)
  const beside = Promise.all(Object.entries(groups).map(([what, run]) => one(what, run)))
  for (const [what, run] of Object.entries(rest)) await one(what, run)
  await beside
  await client.close()
  process.exit(failed ? 1 : 0)
}

main()
