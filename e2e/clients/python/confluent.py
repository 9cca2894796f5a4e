"""Goes through the checklist with confluent-kafka, which is librdkafka: `confluent.py BOOTSTRAP [PATTERN]`."""

import confluent_kafka as ck
from confluent_kafka import admin as ka

from checklist import CODECS, SESSION_MS, Message, Unsupported, check, main, tell


class Client:
    cooperative = static = True

    def __init__(self, bootstrap):
        self.base = {"bootstrap.servers": bootstrap}
        self.admin = ka.AdminClient(self.base)

    def producer(self, **settings):
        return ck.Producer(self.base | {k.replace("_", "."): v for k, v in settings.items()})

    def consumer(self, **settings):
        base = self.base | {"group.id": "none", "auto.offset.reset": "earliest", "enable.auto.commit": False}
        return ck.Consumer(base | {k.replace("_", "."): v for k, v in settings.items()})

    @staticmethod
    def send(producer, topic, messages):
        errors = []
        for m in messages:
            producer.produce(topic, m.value, m.key, m.partition, timestamp=m.time, headers={"h": m.header},
                             on_delivery=lambda e, _: e and errors.append(e))
        check(producer.flush(30) == 0, "messages were not delivered in 30 s")
        check(not errors, f"not delivered: {errors[:1]}")

    @staticmethod
    def poll(consumer, n):
        got = []
        while len(got) < n:
            batch = consumer.consume(n - len(got), 30)
            check(batch, f"read {len(got)} messages, want {n}")
            for m in batch:
                check(not m.error(), str(m.error()))
                header = dict(m.headers() or [])["h"].decode()
                got.append(Message(m.key(), m.value(), header, m.timestamp()[1], m.partition(), m.offset()))
        return got

    def produce(self, topic, messages, codec="none", idempotent=False):
        assert codec in CODECS
        self.send(self.producer(compression_type=codec, enable_idempotence=idempotent, acks="all"), topic, messages)

    def read(self, topic, n, committed=False, since=None):
        consumer = self.consumer(isolation_level="read_committed" if committed else "read_uncommitted")
        at = ck.TopicPartition(topic, 0, 0)
        if since is not None:
            at = consumer.offsets_for_times([ck.TopicPartition(topic, 0, since)], 30)[0]
        consumer.assign([at])
        try:
            return self.poll(consumer, n)
        finally:
            consumer.close()

    def consume(self, group, topic, n):
        consumer = self.consumer(group_id=group)
        consumer.subscribe([topic])
        try:
            got = self.poll(consumer, n)
            consumer.commit(offsets=[ck.TopicPartition(topic, 0, got[-1].offset + 1)], asynchronous=False)
            return got
        finally:
            consumer.close()

    def member(self, seat, stop):
        settings = {"partition.assignment.strategy": "cooperative-sticky" if seat.cooperative else "range",
                    "session.timeout.ms": SESSION_MS, "heartbeat.interval.ms": SESSION_MS // 10, "enable.auto.commit": True}
        if seat.instance:
            settings["group.instance.id"] = seat.instance
        consumer = self.consumer(group_id=seat.group, **settings)
        numbers = lambda partitions: [p.partition for p in partitions]
        consumer.subscribe([seat.topic], on_assign=lambda _, ps: tell("assigned", numbers(ps)),
                           on_revoke=lambda _, ps: tell("revoked", numbers(ps)), on_lost=lambda _, ps: tell("revoked", numbers(ps)))
        while not stop.closed:
            m = consumer.poll(0.1)
            if m and not m.error():
                tell("record", m.value().decode())
        consumer.close()

    def transact(self, id, topic, messages, commit):
        producer = self.producer(transactional_id=id)
        producer.init_transactions(30)
        producer.begin_transaction()
        self.send(producer, topic, messages)
        self.end(producer, commit)

    @staticmethod
    def end(producer, commit):
        if commit:
            producer.commit_transaction(30)
        else:
            producer.abort_transaction(30)

    def transform(self, id, group, source, sink, n, commit):
        consumer = self.consumer(group_id=group, isolation_level="read_committed")
        producer = self.producer(transactional_id=id)
        producer.init_transactions(30)
        consumer.subscribe([source])
        taken = self.poll(consumer, n)
        producer.begin_transaction()
        self.send(producer, sink, taken)
        at = ck.TopicPartition(source, 0, taken[-1].offset + 1)
        producer.send_offsets_to_transaction([at], consumer.consumer_group_metadata(), 30)
        self.end(producer, commit)
        consumer.close()

    def fence(self, id, topic):
        old, young = self.producer(transactional_id=id), self.producer(transactional_id=id)
        for producer in old, young:
            producer.init_transactions(30)
            producer.begin_transaction()
            self.send(producer, topic, [Message(b"k", b"v", "h", 0)])
        try:
            old.commit_transaction(30)
            check(False, "the older producer could commit")
        except ck.KafkaException as e:
            check(e.args[0].code() in (ck.KafkaError._FENCED, ck.KafkaError.INVALID_PRODUCER_EPOCH), f"the older producer got {e}")
        young.commit_transaction(30)

    @staticmethod
    def done(futures):
        """Waits for the answer of a call about one thing."""
        (future,) = futures.values()
        return future.result(30)

    def create_topic(self, topic, partitions, configs):
        self.done(self.admin.create_topics([ka.NewTopic(topic, partitions, 3, config=configs)]))

    def delete_topic(self, topic):
        self.done(self.admin.delete_topics([topic]))

    def partitions(self, topic):
        topics = self.admin.list_topics(timeout=30).topics
        return len(topics[topic].partitions) if topic in topics else 0

    def add_partitions(self, topic, total):
        self.done(self.admin.create_partitions([ka.NewPartitions(topic, total)]))

    def topic_config(self, topic, key):
        return self.done(self.admin.describe_configs([ka.ConfigResource("topic", topic)]))[key].value

    def broker_config(self, broker, key):
        return self.done(self.admin.describe_configs([ka.ConfigResource("broker", str(broker))]))[key].value

    def set_topic_config(self, topic, key, value):
        entry = ka.ConfigEntry(key, value, incremental_operation=ka.AlterConfigOpType.SET)
        self.done(self.admin.incremental_alter_configs([ka.ConfigResource("topic", topic, incremental_configs=[entry])]))

    def offsets(self, topic):
        p = ck.TopicPartition(topic, 0)
        return tuple(self.done(self.admin.list_offsets({p: spec})).offset for spec in (ka.OffsetSpec.earliest(), ka.OffsetSpec.latest()))

    def delete_records(self, topic, before):
        self.done(self.admin.delete_records([ck.TopicPartition(topic, 0, before)]))

    def list_groups(self):
        return [g.group_id for g in self.admin.list_consumer_groups().result(30).valid]

    def describe_group(self, group):
        described = self.done(self.admin.describe_consumer_groups([group]))
        return described.state.name.lower(), len(described.members)

    def delete_group(self, group):
        self.done(self.admin.delete_consumer_groups([group]))

    def group_offset(self, group, topic):
        wanted = ck.ConsumerGroupTopicPartitions(group, [ck.TopicPartition(topic, 0)])
        offset = self.done(self.admin.list_consumer_group_offsets([wanted])).topic_partitions[0].offset
        return -1 if offset == ck.OFFSET_INVALID else offset

    def set_group_offset(self, group, topic, offset):
        wanted = ck.ConsumerGroupTopicPartitions(group, [ck.TopicPartition(topic, 0, offset)])
        self.done(self.admin.alter_consumer_group_offsets([wanted]))

    def delete_group_offset(self, group, topic):
        raise Unsupported("confluent-kafka has no delete_consumer_group_offsets")


main("confluent-kafka", Client)
