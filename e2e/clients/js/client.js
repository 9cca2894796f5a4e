// KafkaJS as the checklist uses it. It has gzip itself and takes the other codecs as functions.
'use strict'

const kafkajs = require('kafkajs')
const lz4js = require('lz4js')
const xxh32 = require('lz4js/xxh32.js')
const zstd = require('@bokuweb/zstd-wasm')
const { check } = require('./common')

kafkajs.CompressionCodecs[kafkajs.CompressionTypes.Snappy] = require('kafkajs-snappy')
kafkajs.CompressionCodecs[kafkajs.CompressionTypes.LZ4] = () => codec(lz4)
kafkajs.CompressionCodecs[kafkajs.CompressionTypes.ZSTD] = () => codec(zstd)

// Kafka takes frames of independent blocks only. lz4js makes one block of 4 MiB, which is independent, but does not say so.
const lz4 = {
  compress(bytes) {
    const frame = lz4js.compress(bytes)
    frame[4] |= 0x20
    frame[6] = xxh32.hash(0, frame, 4, 2) >> 8
    return frame
  },
  decompress: bytes => lz4js.decompress(bytes)
}

const codec = library => ({
  compress: async encoder => Buffer.from(library.compress(encoder.buffer)),
  decompress: async buffer => Buffer.from(library.decompress(buffer))
})

const types = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 }
const timing = { sessionTimeout: 6000, heartbeatInterval: 600, maxWaitTimeInMs: 100 }

let kafka, admin

async function open(bootstrap) {
  await zstd.init()
  const retry = { initialRetryTime: 100, retries: 10 }
  kafka = new kafkajs.Kafka({ brokers: bootstrap.split(','), logLevel: kafkajs.logLevel.NOTHING, retry })
  admin = kafka.admin()
  await admin.connect()
}

const close = () => admin.disconnect()

// using runs something with a connected producer or consumer.
async function using(client, run) {
  await client.connect()
  try {
    return await run(client)
  } finally {
    await client.disconnect()
  }
}

const outgoing = messages => messages.map(m => ({
  partition: m.partition, key: m.key, value: m.value, timestamp: String(m.time), headers: { h: m.header }
}))

const incoming = (partition, m) => ({
  partition, key: m.key.toString(), value: m.value.toString(), header: m.headers.h.toString(), time: Number(m.timestamp),
  offset: Number(m.offset)
})

const produce = (topic, messages, { codec = 'none', idempotent = false } = {}) =>
  using(kafka.producer({ idempotent, maxInFlightRequests: 1, createPartitioner: kafkajs.Partitioners.DefaultPartitioner }),
    producer => producer.send({ topic, messages: outgoing(messages), compression: types[codec], acks: -1 }))

// take joins a group, reads n messages of the topic's only partition and lets use settle them before it leaves.
// A seek, if given, is an offset to start at.
function take(group, topic, n, { committed = false, seek }, use) {
  const consumer = kafka.consumer({ ...timing, groupId: group, readUncommitted: !committed })
  return using(consumer, async () => {
    await consumer.subscribe({ topic, fromBeginning: true })
    const got = []
    await new Promise((resolve, reject) => {
      const eachMessage = async ({ partition, message }) => {
        if (got.length < n && got.push(incoming(partition, message)) === n) {
          consumer.pause([{ topic }])
          resolve()
        }
      }
      consumer.run({ autoCommit: false, eachMessage }).catch(reject)
      if (seek !== undefined) consumer.seek({ topic, partition: 0, offset: String(seek) })
      setTimeout(() => reject(new Error(`read ${got.length} messages, want ${n}`)), 30000).unref()
    })
    await use(consumer, got)
    return got
  })
}

async function read(topic, n, { committed = false, since } = {}) {
  let seek
  if (since !== undefined) seek = (await admin.fetchTopicOffsetsByTimestamp(topic, since))[0].offset
  return take(`${topic}-read-${Math.random()}`, topic, n, { committed, seek }, async () => {})
}

const next = got => String(got[got.length - 1].offset + 1)

const consume = (group, topic, n) => take(group, topic, n, {}, (consumer, got) =>
  consumer.commitOffsets([{ topic, partition: 0, offset: next(got) }]))

const transactional = id => kafka.producer({
  transactionalId: id, idempotent: true, maxInFlightRequests: 1, createPartitioner: kafkajs.Partitioners.DefaultPartitioner
})

const transact = (id, topic, messages, commit) => using(transactional(id), async producer => {
  const transaction = await producer.transaction()
  await transaction.send({ topic, messages: outgoing(messages) })
  await (commit ? transaction.commit() : transaction.abort())
})

const transform = (id, group, from, to, n, commit) => using(transactional(id), producer =>
  take(group, from, n, { committed: true }, async (_, got) => {
    const transaction = await producer.transaction()
    await transaction.send({ topic: to, messages: outgoing(got) })
    await transaction.sendOffsets({ consumerGroupId: group, topics: [{ topic: from, partitions: [{ partition: 0, offset: next(got) }] }] })
    await (commit ? transaction.commit() : transaction.abort())
  }))

const fence = (id, topic) => using(transactional(id), old => using(transactional(id), async young => {
  const begin = async producer => {
    const transaction = await producer.transaction()
    await transaction.send({ topic, messages: [{ value: 'one' }] })
    return transaction
  }
  const [first, second] = [await begin(old), await begin(young)]
  try {
    await first.commit()
  } catch (e) {
    check(['INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED'].includes(e.type), `the older producer got ${e}`)
    await second.commit()
    return
  }
  throw new Error('the older producer could commit')
}))

async function createTopic(topic, numPartitions, configs) {
  const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }))
  const created = await admin.createTopics({ topics: [{ topic, numPartitions, replicationFactor: 3, configEntries }] })
  check(created, `${topic} exists`)
}

const deleteTopic = topic => admin.deleteTopics({ topics: [topic] })

async function partitions(topic) {
  const { topics } = await admin.fetchTopicMetadata()
  return topics.find(t => t.name === topic)?.partitions.length ?? 0
}

const addPartitions = (topic, count) => admin.createPartitions({ topicPartitions: [{ topic, count }] })

async function config(type, name, key) {
  const { resources } = await admin.describeConfigs({ resources: [{ type, name, configNames: [key] }], includeSynonyms: false })
  return resources[0].configEntries[0].configValue
}

const topicConfig = (topic, key) => config(kafkajs.ConfigResourceTypes.TOPIC, topic, key)
const brokerConfig = (broker, key) => config(kafkajs.ConfigResourceTypes.BROKER, broker, key)

const setTopicConfig = (name, key, value) => admin.alterConfigs({
  validateOnly: false, resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name, configEntries: [{ name: key, value }] }]
})

async function offsets(topic) {
  const [at] = await admin.fetchTopicOffsets(topic)
  return [Number(at.low), Number(at.high)]
}

const deleteRecords = (topic, before) => admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: String(before) }] })

const listGroups = async () => (await admin.listGroups()).groups.map(g => g.groupId)

async function describeGroup(group) {
  const { groups } = await admin.describeGroups([group])
  return [groups[0].state, groups[0].members.length]
}

const deleteGroup = group => admin.deleteGroups([group])

async function groupOffset(groupId, topic) {
  const [found] = await admin.fetchOffsets({ groupId, topics: [topic] })
  return Number(found.partitions[0].offset)
}

const setGroupOffset = (groupId, topic, offset) =>
  admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: String(offset) }] })

// sit joins a group and tells its parent what happens until the parent has closed standard input.
async function sit({ group, topic }, tell) {
  const consumer = kafka.consumer({ ...timing, groupId: group, partitionAssigners: [kafkajs.PartitionAssigners.roundRobin] })
  const { GROUP_JOIN } = consumer.events
  consumer.on(GROUP_JOIN, ({ payload }) => tell('assigned', payload.memberAssignment[topic] ?? []))
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({ eachMessage: async ({ message }) => tell('record', message.value.toString()) })
  await new Promise(resolve => process.stdin.on('close', resolve).resume())
  await consumer.disconnect()
}

module.exports = {
  open, close, produce, read, consume, transact, transform, fence, createTopic, deleteTopic, partitions, addPartitions, topicConfig,
  brokerConfig, setTopicConfig, offsets, deleteRecords, listGroups, describeGroup, deleteGroup, groupOffset, setGroupOffset, sit
}
