import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.GroupNotEmptyException;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidPartitionsException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** Checks of the administration: topics, configs, offsets, groups. */
final class Administration {
    private final Cluster cluster;

    Administration(Cluster cluster) {
        this.cluster = cluster;
    }

    Map<String, Checklist.Check> checks() {
        Map<String, Checklist.Check> checks = new LinkedHashMap<>();
        checks.put("admin-topics", this::topics);
        checks.put("admin-configs", this::configs);
        checks.put("admin-offsets", this::offsets);
        checks.put("admin-delete-records", this::deleteRecords);
        checks.put("admin-offset-delete", this::offsetDelete);
        checks.put("admin-groups", this::groups);
        checks.put("admin-group-delete", this::groupDelete);
        return checks;
    }

    private void topics() throws Exception {
        String topic = cluster.topic("admin", 2);
        Cluster.until("partitions", 2, () -> partitions(topic));
        Cluster.refused(TopicExistsException.class,
            () -> cluster.admin.createTopics(List.of(new NewTopic(topic, 2, (short) 3))).all().get());
        cluster.admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(5))).all().get();
        Cluster.until("partitions", 5, () -> partitions(topic));
        Cluster.refused(InvalidPartitionsException.class,
            () -> cluster.admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(3))).all().get());
        Cluster.check(cluster.admin.listTopics().names().get().contains(topic), topic + " is not listed");
        cluster.admin.deleteTopics(List.of(topic)).all().get();
        Cluster.until("partitions", 0, () -> partitions(topic));
    }

    private int partitions(String topic) throws Exception {
        try {
            return cluster.admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof UnknownTopicOrPartitionException) {
                return 0;
            }
            throw e;
        }
    }

    private void configs() throws Exception {
        String topic = cluster.name("configs");
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        cluster.admin.createTopics(List.of(new NewTopic(topic, 1, (short) 3).configs(Map.of("retention.ms", "7200000")))).all().get();
        Cluster.until("retention.ms", "7200000", () -> config(resource, "retention.ms"));
        alter(resource, "retention.ms", "3600000");
        Cluster.until("retention.ms", "3600000", () -> config(resource, "retention.ms"));
        Cluster.refused(InvalidConfigurationException.class, () -> alter(resource, "retention.ms", "soon"));
        String max = config(new ConfigResource(ConfigResource.Type.BROKER, "1"), "group.max.session.timeout.ms");
        Cluster.check(max.equals("1800000"), "broker 1 has group.max.session.timeout.ms=" + max);
    }

    private String config(ConfigResource resource, String key) throws Exception {
        return cluster.admin.describeConfigs(List.of(resource)).all().get().get(resource).get(key).value();
    }

    private Void alter(ConfigResource resource, String key, String value) throws Exception {
        AlterConfigOp set = new AlterConfigOp(new ConfigEntry(key, value), AlterConfigOp.OpType.SET);
        cluster.admin.incrementalAlterConfigs(Map.of(resource, List.of(set))).all().get();
        return null;
    }

    /** Moves a group's offsets. */
    private void offsets() throws Exception {
        String topic = cluster.topic("offsets", 1);
        String group = cluster.name("offsets");
        List<ProducerRecord<String, String>> want = cluster.records(topic, 50, "offsets");
        try (KafkaProducer<String, String> producer = cluster.producer()) {
            Cluster.send(producer, want);
        }
        Data.consume(cluster, group, topic, 50);
        cluster.admin.alterConsumerGroupOffsets(group, Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(20))).all().get();
        Cluster.until("the committed offset", 20L, () -> offset(cluster, group, topic));
        List<ConsumerRecord<String, String>> again = Data.consume(cluster, group, topic, 30);
        Cluster.same(want.subList(20, 50), again);
    }

    private void deleteRecords() throws Exception {
        String topic = cluster.topic("delete-records", 1);
        TopicPartition partition = new TopicPartition(topic, 0);
        try (KafkaProducer<String, String> producer = cluster.producer()) {
            Cluster.send(producer, cluster.records(topic, 50, "records"));
        }
        spans(partition, 0, 50);
        cluster.admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(30))).all().get();
        spans(partition, 30, 50);
    }

    /** Compares the first and the end offset. */
    private void spans(TopicPartition partition, long from, long to) throws Exception {
        long start = cluster.admin.listOffsets(Map.of(partition, OffsetSpec.earliest())).partitionResult(partition).get().offset();
        long end = cluster.admin.listOffsets(Map.of(partition, OffsetSpec.latest())).partitionResult(partition).get().offset();
        Cluster.check(start == from && end == to, "the partition is [" + start + ", " + end + "), want [" + from + ", " + to + ")");
    }

    private void offsetDelete() throws Exception {
        String topic = cluster.topic("offset-delete", 1);
        String group = cluster.name("offset-delete");
        try (KafkaProducer<String, String> producer = cluster.producer()) {
            Cluster.send(producer, cluster.records(topic, 5, "offset"));
        }
        Data.consume(cluster, group, topic, 5);
        Cluster.until("the committed offset", 5L, () -> offset(cluster, group, topic));
        cluster.admin.deleteConsumerGroupOffsets(group, Set.of(new TopicPartition(topic, 0))).all().get();
        Cluster.until("the committed offset", -1L, () -> offset(cluster, group, topic));
    }

    /** A group's committed offset of partition 0, -1 if there is none. */
    static long offset(Cluster cluster, String group, String topic) throws Exception {
        OffsetAndMetadata offset = cluster.admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get()
            .get(new TopicPartition(topic, 0));
        return offset == null ? -1 : offset.offset();
    }

    private void groups() throws Exception {
        ofOne("groups", group -> Cluster.check(listed(group), group + " is not listed"));
    }

    private void groupDelete() throws Exception {
        String group = cluster.name("group-delete");
        ofOne("group-delete", g -> Cluster.refused(GroupNotEmptyException.class,
            () -> cluster.admin.deleteConsumerGroups(List.of(g)).all().get()));
        cluster.admin.deleteConsumerGroups(List.of(group)).all().get();
        Cluster.check(!listed(group), group + " is still listed");
    }

    private interface During {
        void run(String group) throws Exception;
    }

    /** Runs something while a group is stable with one member; afterwards it is empty. */
    private void ofOne(String name, During during) throws Exception {
        String topic = cluster.topic(name, 2);
        String group = cluster.name(name);
        Member member = new Member(cluster, group, topic, Member.End.LEAVES);
        try {
            Cluster.until("partitions held", 2, () -> member.held().size());
            Cluster.until("the group", "Stable, 1", () -> describe(group));
            during.run(group);
        } finally {
            member.end();
        }
        Cluster.until("the group", "Empty, 0", () -> describe(group));
    }

    @SuppressWarnings({"deprecation", "removal"})
    private String describe(String group) throws Exception {
        ConsumerGroupDescription described = cluster.admin.describeConsumerGroups(List.of(group)).all().get().get(group);
        return described.state() + ", " + described.members().size();
    }

    @SuppressWarnings({"deprecation", "removal"})
    private boolean listed(String group) throws Exception {
        return cluster.admin.listConsumerGroups().all().get().stream().anyMatch(g -> g.groupId().equals(group));
    }
}
