import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** The cluster under test, and what every check does with it. */
final class Cluster implements AutoCloseable {
    static final Duration SESSION = Duration.ofSeconds(6);

    final String bootstrap;
    final Admin admin;
    private final String prefix;

    Cluster(String bootstrap, String prefix) {
        this.bootstrap = bootstrap;
        this.prefix = prefix;
        this.admin = Admin.create(Map.<String, Object>of("bootstrap.servers", bootstrap));
    }

    @Override
    public void close() {
        admin.close();
    }

    /** A topic or group of this run. */
    String name(String what) {
        return prefix + what;
    }

    String topic(String what, int partitions) throws Exception {
        admin.createTopics(List.of(new NewTopic(name(what), partitions, (short) 3))).all().get();
        return name(what);
    }

    KafkaProducer<String, String> producer(String... settings) {
        return new KafkaProducer<>(properties(settings), new StringSerializer(), new StringSerializer());
    }

    KafkaConsumer<String, String> consumer(String... settings) {
        Properties p = properties("auto.offset.reset", "earliest", "enable.auto.commit", "false");
        p.putAll(properties(settings));
        return new KafkaConsumer<>(p, new StringDeserializer(), new StringDeserializer());
    }

    private Properties properties(String... settings) {
        Properties p = new Properties();
        p.put("bootstrap.servers", bootstrap);
        for (int i = 0; i < settings.length; i += 2) {
            p.put(settings[i], settings[i + 1]);
        }
        return p;
    }

    /** Records that differ, a millisecond apart, large and alike enough that compression pays. */
    List<ProducerRecord<String, String>> records(String topic, int n, String label, long from, long step) {
        List<ProducerRecord<String, String>> records = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            RecordHeaders headers = new RecordHeaders();
            headers.add("h", ("header-" + i).getBytes(StandardCharsets.UTF_8));
            String value = label + "-" + i + " " + "klab ".repeat(i % 50);
            records.add(new ProducerRecord<>(topic, 0, from + i * step, "key-" + i, value, headers));
        }
        return records;
    }

    List<ProducerRecord<String, String>> records(String topic, int n, String label) {
        return records(topic, n, label, System.currentTimeMillis(), 1);
    }

    /** Sends all and waits until all are acknowledged. */
    static void send(KafkaProducer<String, String> producer, List<ProducerRecord<String, String>> records) throws Exception {
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (ProducerRecord<String, String> record : records) {
            sent.add(producer.send(record));
        }
        producer.flush();
        for (Future<RecordMetadata> one : sent) {
            one.get();
        }
    }

    /** Polls until n records are there; more is an error. */
    static List<ConsumerRecord<String, String>> poll(KafkaConsumer<String, String> consumer, int n) {
        List<ConsumerRecord<String, String>> records = new ArrayList<>();
        long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        while (records.size() < n) {
            check(System.nanoTime() < deadline, "read " + records.size() + " records in a minute, want " + n);
            consumer.poll(Duration.ofMillis(200)).forEach(records::add);
        }
        return records;
    }

    /** Reads partition 0 of a topic from its beginning. */
    List<ConsumerRecord<String, String>> read(String topic, int n, String isolation) {
        try (KafkaConsumer<String, String> consumer = consumer("isolation.level", isolation)) {
            consumer.assign(List.of(new TopicPartition(topic, 0)));
            return poll(consumer, n);
        }
    }

    /** Contents in order; offsets are the broker's. */
    static void same(List<ProducerRecord<String, String>> want, List<ConsumerRecord<String, String>> got) {
        check(want.size() == got.size(), "read " + got.size() + " records, want " + want.size());
        for (int i = 0; i < want.size(); i++) {
            ProducerRecord<String, String> w = want.get(i);
            ConsumerRecord<String, String> g = got.get(i);
            boolean equal = w.key().equals(g.key()) && w.value().equals(g.value()) && w.timestamp() == g.timestamp()
                && w.headers().equals(g.headers());
            check(equal, "record " + i + " is " + g + ", want " + w);
        }
    }

    static void check(boolean holds, String otherwise) {
        if (!holds) {
            throw new IllegalStateException(otherwise);
        }
    }

    /** The call must fail, with a cause of this class. */
    static void refused(Class<? extends Throwable> with, Callable<?> call) throws Exception {
        try {
            call.call();
        } catch (ExecutionException e) {
            check(with.isInstance(e.getCause()), "refused with " + e.getCause() + ", want " + with.getSimpleName());
            return;
        }
        throw new IllegalStateException("accepted, want " + with.getSimpleName());
    }

    /** Repeats a question, since brokers hear of a change one after the other. */
    static <T> void until(String what, T want, Callable<T> question) throws Exception {
        long deadline = System.nanoTime() + Duration.ofSeconds(45).toNanos();
        Object last = null;
        while (System.nanoTime() < deadline) {
            try {
                last = question.call();
            } catch (ExecutionException e) {
                last = e.getCause();
            }
            if (want.equals(last)) {
                return;
            }
            Thread.sleep(50);
        }
        throw new IllegalStateException("not within 45 s: " + what + " is " + want + ", it is " + last);
    }
}
