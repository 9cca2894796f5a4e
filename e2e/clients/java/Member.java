import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;

/** One consumer of a group with a thread that polls it, and the diary of what happened to it. */
final class Member implements ConsumerRebalanceListener {
    /** How a member ends: it leaves the group, or its sockets close as in a crash. */
    enum End { LEAVES, CRASHES }

    private final KafkaConsumer<String, String> consumer;
    private final Thread thread = new Thread(this::consume);
    private final End end;
    private final Set<Integer> held = new TreeSet<>();
    private final Set<String> seen = ConcurrentHashMap.newKeySet();
    private int rebalances;
    private int revoked;
    private RuntimeException failure;
    private volatile boolean ended;

    Member(Cluster cluster, String group, String topic, End end, String... settings) {
        this.end = end;
        String[] common = {
            "group.id", group, "session.timeout.ms", String.valueOf(Cluster.SESSION.toMillis()), "heartbeat.interval.ms", "600",
            "enable.auto.commit", "true", Remaining.SETTING, String.valueOf(end == End.LEAVES),
        };
        consumer = cluster.consumer(concat(common, settings));
        consumer.subscribe(List.of(topic), this);
        thread.start();
    }

    private static String[] concat(String[] a, String[] b) {
        return java.util.stream.Stream.of(a, b).flatMap(java.util.Arrays::stream).toArray(String[]::new);
    }

    private void consume() {
        try {
            while (!ended) {
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(100))) {
                    seen.add(record.value());
                }
            }
        } catch (RuntimeException e) {
            failed(e);
        } finally {
            close();
        }
    }

    private void close() {
        if (end == End.CRASHES) {
            Remaining.close(consumer);
        } else {
            consumer.close();
        }
    }

    private synchronized void failed(RuntimeException e) {
        failure = e;
    }

    @Override
    public synchronized void onPartitionsAssigned(Collection<TopicPartition> partitions) {
        rebalances++;
        partitions.forEach(p -> held.add(p.partition()));
    }

    @Override
    public synchronized void onPartitionsRevoked(Collection<TopicPartition> partitions) {
        revoked += partitions.size();
        partitions.forEach(p -> held.remove(p.partition()));
    }

    synchronized Set<Integer> held() {
        if (failure != null) {
            throw failure;
        }
        return new TreeSet<>(held);
    }

    synchronized int rebalances() {
        return rebalances;
    }

    synchronized int revoked() {
        return revoked;
    }

    boolean saw(String value) {
        return seen.contains(value);
    }

    /** Ends the member; one that is static stays in the group. */
    void end() throws InterruptedException {
        ended = true;
        thread.join();
    }
}
