import java.util.LinkedHashMap;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.ProducerFencedException;

/** Checks of records: produced, read, in transactions, found by time, resumed. */
final class Data {
    private final Cluster cluster;

    Data(Cluster cluster) {
        this.cluster = cluster;
    }

    Map<String, Checklist.Check> checks() {
        Map<String, Checklist.Check> checks = new LinkedHashMap<>();
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            checks.put("produce-" + codec, () -> roundTrip("produce-" + codec, "compression.type", codec, "enable.idempotence", "false"));
        }
        checks.put("idempotent", () -> roundTrip("idempotent", "enable.idempotence", "true"));
        checks.put("transaction", this::transaction);
        checks.put("transaction-offsets", this::transactionOffsets);
        checks.put("transaction-fenced", this::transactionFenced);
        checks.put("seek-by-time", this::seekByTime);
        checks.put("commit-and-resume", this::commitAndResume);
        return checks;
    }

    private void roundTrip(String name, String... settings) throws Exception {
        String topic = cluster.topic(name, 1);
        List<ProducerRecord<String, String>> want = cluster.records(topic, 1000, name);
        try (KafkaProducer<String, String> producer = cluster.producer(settings)) {
            Cluster.send(producer, want.subList(0, 500));
            Cluster.send(producer, want.subList(500, 1000));
        }
        List<ConsumerRecord<String, String>> got = cluster.read(topic, 1000, "read_uncommitted");
        Cluster.same(want, got);
        Cluster.check(got.get(999).offset() == 999, "the last offset is " + got.get(999).offset());
    }

    /** Commits, aborts and commits: read_committed sees the first and the last, read_uncommitted all. */
    private void transaction() throws Exception {
        String topic = cluster.topic("transaction", 1);
        List<ProducerRecord<String, String>> all = new ArrayList<>();
        List<ProducerRecord<String, String>> committed = new ArrayList<>();
        try (KafkaProducer<String, String> producer = cluster.producer("transactional.id", cluster.name("tx"))) {
            producer.initTransactions();
            for (String label : List.of("first", "aborted", "last")) {
                List<ProducerRecord<String, String>> batch = cluster.records(topic, 20, label);
                all.addAll(batch);
                producer.beginTransaction();
                Cluster.send(producer, batch);
                if (label.equals("aborted")) {
                    producer.abortTransaction();
                } else {
                    producer.commitTransaction();
                    committed.addAll(batch);
                }
            }
        }
        Cluster.same(committed, cluster.read(topic, 40, "read_committed"));
        Cluster.same(all, cluster.read(topic, 60, "read_uncommitted"));
    }

    /** Moves records in transactions, the first of which is aborted; offsets are committed with them or not at all. */
    private void transactionOffsets() throws Exception {
        String in = cluster.topic("transform-in", 1);
        String out = cluster.topic("transform-out", 1);
        String group = cluster.name("transform");
        List<ProducerRecord<String, String>> want = cluster.records(in, 30, "transform");
        try (KafkaProducer<String, String> producer = cluster.producer()) {
            Cluster.send(producer, want);
        }
        transform(group, in, out, 10, false);
        offsetBecomes(group, in, -1);
        transform(group, in, out, 10, true);
        offsetBecomes(group, in, 10);
        transform(group, in, out, 20, true);
        offsetBecomes(group, in, 30);
        Cluster.same(want, cluster.read(out, 30, "read_committed"));
    }

    private void transform(String group, String in, String out, int n, boolean commit) throws Exception {
        try (KafkaProducer<String, String> producer = cluster.producer("transactional.id", cluster.name("transform-tx"));
            KafkaConsumer<String, String> consumer = cluster.consumer("group.id", group, "isolation.level", "read_committed",
                "max.poll.records", "10")) {
            producer.initTransactions();
            consumer.subscribe(List.of(in));
            List<ConsumerRecord<String, String>> taken = Cluster.poll(consumer, n);
            producer.beginTransaction();
            for (ConsumerRecord<String, String> r : taken) {
                producer.send(new ProducerRecord<>(out, 0, r.timestamp(), r.key(), r.value(), r.headers())).get();
            }
            long next = taken.get(n - 1).offset() + 1;
            producer.sendOffsetsToTransaction(Map.of(new TopicPartition(in, 0), new OffsetAndMetadata(next)), consumer.groupMetadata());
            if (commit) {
                producer.commitTransaction();
            } else {
                producer.abortTransaction();
            }
        }
    }

    private void offsetBecomes(String group, String topic, long want) throws Exception {
        Cluster.until("the committed offset", want, () -> Administration.offset(cluster, group, topic));
    }

    private void transactionFenced() throws Exception {
        String topic = cluster.topic("fenced", 1);
        String id = cluster.name("fenced-tx");
        try (KafkaProducer<String, String> old = cluster.producer("transactional.id", id);
            KafkaProducer<String, String> young = cluster.producer("transactional.id", id)) {
            old.initTransactions();
            old.beginTransaction();
            Cluster.send(old, cluster.records(topic, 1, "old"));
            young.initTransactions();
            young.beginTransaction();
            Cluster.send(young, cluster.records(topic, 1, "young"));
            try {
                old.commitTransaction();
                throw new IllegalStateException("the older producer could commit");
            } catch (ProducerFencedException | InvalidProducerEpochException fenced) {
                young.commitTransaction();
            }
        }
        List<ConsumerRecord<String, String>> got = cluster.read(topic, 1, "read_committed");
        Cluster.check(got.get(0).value().startsWith("young"), "read_committed gave " + got.get(0).value());
    }

    /** Starts at the first record that is not older than a time between two records. */
    private void seekByTime() throws Exception {
        String topic = cluster.topic("seek", 1);
        long start = System.currentTimeMillis() - 3_600_000;
        List<ProducerRecord<String, String>> want = cluster.records(topic, 100, "seek", start, 30_000);
        try (KafkaProducer<String, String> producer = cluster.producer()) {
            for (int i = 0; i < 100; i += 10) { // several batches, so that the index and the batch are both searched
                Cluster.send(producer, want.subList(i, i + 10));
            }
        }
        TopicPartition partition = new TopicPartition(topic, 0);
        try (KafkaConsumer<String, String> consumer = cluster.consumer()) {
            consumer.assign(List.of(partition));
            consumer.seek(partition, consumer.offsetsForTimes(Map.of(partition, want.get(41).timestamp() + 1)).get(partition).offset());
            Cluster.same(want.subList(42, 100), Cluster.poll(consumer, 58));
        }
    }

    /** Reads a part as a group and comes back for the rest. */
    private void commitAndResume() throws Exception {
        String topic = cluster.topic("resume", 1);
        String group = cluster.name("resume");
        List<ProducerRecord<String, String>> want = cluster.records(topic, 100, "resume");
        try (KafkaProducer<String, String> producer = cluster.producer()) {
            Cluster.send(producer, want);
        }
        List<ConsumerRecord<String, String>> got = new ArrayList<>(consume(cluster, group, topic, 37));
        offsetBecomes(group, topic, 37);
        got.addAll(consume(cluster, group, topic, 63));
        Cluster.same(want, got);
    }

    /** Joins a group alone, reads n records, commits behind them and leaves. */
    static List<ConsumerRecord<String, String>> consume(Cluster cluster, String group, String topic, int n) {
        try (KafkaConsumer<String, String> consumer = cluster.consumer("group.id", group, "max.poll.records", "1")) {
            consumer.subscribe(List.of(topic));
            List<ConsumerRecord<String, String>> records = Cluster.poll(consumer, n);
            consumer.commitSync();
            return records;
        }
    }
}
