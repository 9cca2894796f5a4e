"""Goes through the checklist with kafka-python: `kafkapython.py BOOTSTRAP [PATTERN]`."""

import kafka
from kafka.admin import ConfigResource, ConfigResourceType, OffsetSpec
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.errors import InvalidProducerEpochError, NoError, ProducerFencedError
from kafka.structs import OffsetAndMetadata, TopicPartition

from checklist import SESSION_MS, Message, check, main, tell


class Told(kafka.ConsumerRebalanceListener):
    """Tells a member's parent of partitions."""

    def on_partitions_assigned(self, assigned):
        tell("assigned", [p.partition for p in assigned])

    def on_partitions_revoked(self, revoked):
        tell("revoked", [p.partition for p in revoked])


class Client:
    cooperative = static = True

    def __init__(self, bootstrap):
        self.bootstrap = bootstrap.split(",")
        self.admin = kafka.KafkaAdminClient(bootstrap_servers=self.bootstrap)

    def producer(self, **settings):
        return kafka.KafkaProducer(bootstrap_servers=self.bootstrap, **settings)

    def consumer(self, **settings):
        base = {"auto_offset_reset": "earliest", "enable_auto_commit": False}
        return kafka.KafkaConsumer(bootstrap_servers=self.bootstrap, **(base | settings))

    @staticmethod
    def send(producer, topic, messages):
        sent = [producer.send(topic, m.value, m.key, [("h", m.header.encode())], m.partition, m.time) for m in messages]
        producer.flush(30)
        for one in sent:
            one.get(30)

    @staticmethod
    def poll(consumer, n):
        got = []
        while len(got) < n:
            batch = [m for part in consumer.poll(30_000, n - len(got)).values() for m in part]
            check(batch, f"read {len(got)} messages, want {n}")
            got += [Message(m.key, m.value, m.headers[0][1].decode(), m.timestamp, m.partition, m.offset) for m in batch]
        return got

    def produce(self, topic, messages, codec="none", idempotent=False):
        producer = self.producer(compression_type=None if codec == "none" else codec, enable_idempotence=idempotent, acks="all")
        self.send(producer, topic, messages)
        producer.close()

    def read(self, topic, n, committed=False, since=None):
        consumer = self.consumer(isolation_level="read_committed" if committed else "read_uncommitted")
        p = TopicPartition(topic, 0)
        consumer.assign([p])
        consumer.seek(p, 0 if since is None else consumer.offsets_for_times({p: since})[p].offset)
        try:
            return self.poll(consumer, n)
        finally:
            consumer.close()

    def consume(self, group, topic, n):
        consumer = self.consumer(group_id=group)
        consumer.subscribe([topic])
        try:
            got = self.poll(consumer, n)
            consumer.commit({TopicPartition(topic, 0): OffsetAndMetadata(got[-1].offset + 1, "", -1)})
            return got
        finally:
            consumer.close()

    def member(self, seat, stop):
        strategy = CooperativeStickyAssignor if seat.cooperative else RangePartitionAssignor
        consumer = self.consumer(group_id=seat.group, group_instance_id=seat.instance, partition_assignment_strategy=[strategy],
                                 session_timeout_ms=SESSION_MS, heartbeat_interval_ms=SESSION_MS // 10, enable_auto_commit=True)
        consumer.subscribe([seat.topic], listener=Told())
        while not stop.closed:
            # Long enough to contain a whole rebalance: when a poll of kafka-python 3.0.12 ends between its JoinGroup and the
            # answer to its SyncGroup, the consumer takes no note of that answer, beats no more, and never joins again; on Apache Kafka 3.9 too.
            for part in consumer.poll(5_000).values():
                for m in part:
                    tell("record", m.value.decode())
        consumer.close()

    def transact(self, id, topic, messages, commit):
        producer = self.producer(transactional_id=id)
        producer.init_transactions()
        producer.begin_transaction()
        self.send(producer, topic, messages)
        self.end(producer, commit)

    @staticmethod
    def end(producer, commit):
        if commit:
            producer.commit_transaction()
        else:
            producer.abort_transaction()
        producer.close()

    def transform(self, id, group, source, sink, n, commit):
        consumer = self.consumer(group_id=group, isolation_level="read_committed")
        producer = self.producer(transactional_id=id)
        producer.init_transactions()
        consumer.subscribe([source])
        taken = self.poll(consumer, n)
        producer.begin_transaction()
        self.send(producer, sink, taken)
        at = {TopicPartition(source, 0): OffsetAndMetadata(taken[-1].offset + 1, "", -1)}
        producer.send_offsets_to_transaction(at, consumer.group_metadata())
        self.end(producer, commit)
        consumer.close()

    def fence(self, id, topic):
        old, young = self.producer(transactional_id=id), self.producer(transactional_id=id)
        for producer in old, young:
            producer.init_transactions()
            producer.begin_transaction()
            self.send(producer, topic, [Message(b"k", b"v", "h", 1)])
        try:
            old.commit_transaction()
            check(False, "the older producer could commit")
        except (ProducerFencedError, InvalidProducerEpochError):
            young.commit_transaction()
        old.close(0)
        young.close()

    def create_topic(self, topic, partitions, configs):
        self.admin.create_topics({topic: {"num_partitions": partitions, "replication_factor": 3, "configs": configs}})

    def delete_topic(self, topic):
        self.admin.delete_topics([topic])

    def partitions(self, topic):
        if topic not in self.admin.list_topics():
            return 0
        return len(self.admin.describe_topics([topic])[0]["partitions"])

    def add_partitions(self, topic, total):
        self.admin.create_partitions({topic: total})

    def config(self, kind, name, key):
        (kinds,) = self.admin.describe_configs([ConfigResource(kind, name)], config_filter="all").values()
        return kinds[name][key]["value"]

    def topic_config(self, topic, key):
        return self.config(ConfigResourceType.TOPIC, topic, key)

    def broker_config(self, broker, key):
        return self.config(ConfigResourceType.BROKER, str(broker), key)

    def set_topic_config(self, topic, key, value):
        (topics,) = self.admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {key: value})]).values()
        check(topics[topic] == "OK", topics[topic])

    def offsets(self, topic):
        p = TopicPartition(topic, 0)
        return tuple(self.admin.list_partition_offsets({p: at})[p].offset for at in (OffsetSpec.EARLIEST, OffsetSpec.LATEST))

    def delete_records(self, topic, before):
        self.admin.delete_records({TopicPartition(topic, 0): before})

    def list_groups(self):
        return [g["group_id"] for g in self.admin.list_groups()]

    def describe_group(self, group):
        described = self.admin.describe_groups([group])[group]
        return described["group_state"].lower(), len(described["members"])

    def delete_group(self, group):
        answer = self.admin.delete_groups([group])[group]
        check(answer == "OK", answer)

    def group_offset(self, group, topic):
        at = self.admin.list_group_offsets({group: [TopicPartition(topic, 0)]})[group].get(TopicPartition(topic, 0))
        return at.offset if at else -1

    @staticmethod
    def done(answers):
        """Checks the answer of a call about one partition."""
        (error,) = answers.values()
        check(error is NoError, error)

    def set_group_offset(self, group, topic, offset):
        self.done(self.admin.alter_group_offsets(group, {TopicPartition(topic, 0): OffsetAndMetadata(offset, "", -1)}))

    def delete_group_offset(self, group, topic):
        self.done(self.admin.delete_group_offsets(group, [TopicPartition(topic, 0)]))


main("kafka-python", Client)
