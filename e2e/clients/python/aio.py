"""Goes through the checklist with aiokafka: `aio.py BOOTSTRAP [PATTERN]`.

The checklist is written without asyncio, so every call here runs its coroutine to the end.
"""

import asyncio
import contextlib

import aiokafka
import aiokafka.admin
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import ProducerFenced, for_code
from aiokafka.structs import TopicPartition

from checklist import SESSION_MS, Message, Unsupported, check, main, tell


def done(*answers):
    """Raises the first error code among (name, code, …)."""
    for answer in answers:
        if answer[1]:
            raise for_code(answer[1])(*answer[2:3])


class Told(aiokafka.ConsumerRebalanceListener):
    """Tells a member's parent of partitions."""

    def on_partitions_assigned(self, assigned):
        tell("assigned", [p.partition for p in assigned])

    def on_partitions_revoked(self, revoked):
        tell("revoked", [p.partition for p in revoked])


@contextlib.asynccontextmanager
async def started(client):
    """A client between its start and its stop."""
    await client.start()
    try:
        yield client
    finally:
        await (client.close() if hasattr(client, "close") else client.stop())


class Client:
    cooperative, static = False, True

    def __init__(self, bootstrap):
        self.bootstrap = bootstrap

    def producer(self, **settings):
        return started(aiokafka.AIOKafkaProducer(bootstrap_servers=self.bootstrap, **settings))

    def consumer(self, **settings):
        base = {"bootstrap_servers": self.bootstrap, "auto_offset_reset": "earliest", "enable_auto_commit": False}
        return started(aiokafka.AIOKafkaConsumer(**(base | settings)))

    @staticmethod
    async def send(producer, topic, messages):
        sent = [await producer.send(topic, m.value, m.key, m.partition, m.time, [("h", m.header.encode())]) for m in messages]
        await asyncio.gather(*sent)

    @staticmethod
    async def poll(consumer, n):
        got = []
        while len(got) < n:
            parts = await consumer.getmany(timeout_ms=30_000, max_records=n - len(got))
            batch = [m for part in parts.values() for m in part]
            check(batch, f"read {len(got)} messages, want {n}")
            got += [Message(m.key, m.value, m.headers[0][1].decode(), m.timestamp, m.partition, m.offset) for m in batch]
        return got

    def produce(self, topic, messages, codec="none", idempotent=False):
        async def run():
            compression = None if codec == "none" else codec
            async with self.producer(compression_type=compression, enable_idempotence=idempotent, acks="all") as producer:
                await self.send(producer, topic, messages)
        asyncio.run(run())

    def read(self, topic, n, committed=False, since=None):
        async def run():
            async with self.consumer(isolation_level="read_committed" if committed else "read_uncommitted") as consumer:
                p = TopicPartition(topic, 0)
                consumer.assign([p])
                consumer.seek(p, 0 if since is None else (await consumer.offsets_for_times({p: since}))[p].offset)
                return await self.poll(consumer, n)
        return asyncio.run(run())

    def consume(self, group, topic, n):
        async def run():
            async with self.consumer(group_id=group) as consumer:
                consumer.subscribe([topic])
                got = await self.poll(consumer, n)
                await consumer.commit({TopicPartition(topic, 0): got[-1].offset + 1})
                return got
        return asyncio.run(run())

    def member(self, seat, stop):
        async def run():
            consumer = aiokafka.AIOKafkaConsumer(
                bootstrap_servers=self.bootstrap, group_id=seat.group, group_instance_id=seat.instance, auto_offset_reset="earliest",
                partition_assignment_strategy=[RangePartitionAssignor], session_timeout_ms=SESSION_MS,
                heartbeat_interval_ms=SESSION_MS // 10, enable_auto_commit=True)
            consumer.subscribe([seat.topic], listener=Told())
            async with started(consumer):
                while not stop.closed:
                    for part in (await consumer.getmany(timeout_ms=100)).values():
                        for m in part:
                            tell("record", m.value.decode())
        asyncio.run(run())

    def transact(self, id, topic, messages, commit):
        async def run():
            async with self.producer(transactional_id=id) as producer:
                await producer.begin_transaction()
                await self.send(producer, topic, messages)
                await (producer.commit_transaction() if commit else producer.abort_transaction())
        asyncio.run(run())

    def transform(self, id, group, source, sink, n, commit):
        async def run():
            consumer = self.consumer(group_id=group, isolation_level="read_committed")
            async with consumer as consumer, self.producer(transactional_id=id) as producer:
                consumer.subscribe([source])
                taken = await self.poll(consumer, n)
                await producer.begin_transaction()
                await self.send(producer, sink, taken)
                await producer.send_offsets_to_transaction({TopicPartition(source, 0): taken[-1].offset + 1}, group)
                await (producer.commit_transaction() if commit else producer.abort_transaction())
        asyncio.run(run())

    def fence(self, id, topic):
        async def run():
            one = [Message(b"k", b"v", "h", 1)]
            async with self.producer(transactional_id=id) as old:
                await old.begin_transaction()
                await self.send(old, topic, one)
                async with self.producer(transactional_id=id) as young:
                    await young.begin_transaction()
                    await self.send(young, topic, one)
                    try:
                        await old.commit_transaction()
                        check(False, "the older producer could commit")
                    except ProducerFenced:
                        await young.commit_transaction()
        asyncio.run(run())

    def administer(self, call):
        """Runs call(admin)."""
        async def run():
            async with started(aiokafka.admin.AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)) as admin:
                return await call(admin)
        return asyncio.run(run())

    def create_topic(self, topic, partitions, configs):
        new = aiokafka.admin.NewTopic(topic, partitions, 3, topic_configs=configs)
        done(*self.administer(lambda a: a.create_topics([new])).topic_errors)

    def delete_topic(self, topic):
        done(*self.administer(lambda a: a.delete_topics([topic])).topic_error_codes)

    def partitions(self, topic):
        topics = {t["topic"]: t for t in self.administer(lambda a: a.describe_topics())}
        return len(topics[topic]["partitions"]) if topic in topics else 0

    def add_partitions(self, topic, total):
        new = {topic: aiokafka.admin.NewPartitions(total)}
        done(*self.administer(lambda a: a.create_partitions(new)).topic_errors)

    def config(self, kind, name, key):
        (answer,) = self.administer(lambda a: a.describe_configs([ConfigResource(kind, name)]))
        return {entry[0]: entry[1] for entry in answer.resources[0][4]}[key]

    def topic_config(self, topic, key):
        return self.config(ConfigResourceType.TOPIC, topic, key)

    def broker_config(self, broker, key):
        return self.config(ConfigResourceType.BROKER, str(broker), key)

    def set_topic_config(self, topic, key, value):
        (answer,) = self.administer(lambda a: a.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {key: value})]))
        done(*((r[3], r[0], r[1]) for r in answer.resources))

    def offsets(self, topic):
        async def run():
            p = TopicPartition(topic, 0)
            async with self.consumer() as consumer:
                return (await consumer.beginning_offsets([p]))[p], (await consumer.end_offsets([p]))[p]
        return asyncio.run(run())

    def delete_records(self, topic, before):
        cut = {TopicPartition(topic, 0): aiokafka.admin.RecordsToDelete(before)}
        self.administer(lambda a: a.delete_records(cut))

    def list_groups(self):
        return [name for name, _ in self.administer(lambda a: a.list_consumer_groups())]

    def describe_group(self, group):
        (answer,) = self.administer(lambda a: a.describe_consumer_groups([group]))
        error, _, state, _, _, members = answer.groups[0][:6]
        done((group, error))
        return state.lower(), len(members)

    def delete_group(self, group):
        raise Unsupported("aiokafka has no DeleteGroups")

    def group_offset(self, group, topic):
        p = TopicPartition(topic, 0)
        return self.administer(lambda a: a.list_consumer_group_offsets(group, partitions=[p]))[p].offset

    def set_group_offset(self, group, topic, offset):
        async def run():
            async with self.consumer(group_id=group) as consumer:
                consumer.assign([TopicPartition(topic, 0)])
                await consumer.commit({TopicPartition(topic, 0): offset})
        asyncio.run(run())

    def delete_group_offset(self, group, topic):
        raise Unsupported("aiokafka has no OffsetDelete")


main("aiokafka", Client)
