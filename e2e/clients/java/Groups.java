import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;

/** Checks of groups of three: one killed, one added, one leaving; static ones restarted. */
final class Groups {
    private static final int PARTITIONS = 6;

    private final Cluster cluster;

    Groups(Cluster cluster) {
        this.cluster = cluster;
    }

    Map<String, Checklist.Check> checks() {
        Map<String, Checklist.Check> checks = new LinkedHashMap<>();
        checks.put("group-eager", () -> dynamic("group-eager", "RangeAssignor", PARTITIONS));
        checks.put("group-cooperative", () -> dynamic("group-cooperative", "CooperativeStickyAssignor", 2));
        checks.put("group-static", this::fixed);
        return checks;
    }

    /** A group of this run with its members. */
    private final class Party implements AutoCloseable {
        final String group;
        final String topic;
        final List<Member> members = new ArrayList<>();
        private int sent;

        Party(String name) throws Exception {
            group = cluster.name(name);
            topic = cluster.topic(name, PARTITIONS);
        }

        void join(Member.End end, String... settings) {
            members.add(new Member(cluster, group, topic, end, settings));
        }

        @Override
        public void close() throws Exception {
            for (Member member : members) {
                member.end();
            }
        }

        /** Waits until the members share all partitions evenly, then has records reach them. */
        void settles(String when) throws Exception {
            Cluster.until(when + ", an even share", true, this::even);
            List<ProducerRecord<String, String>> batch = new ArrayList<>();
            String label = "part-" + sent++;
            for (int i = 0; i < 10 * PARTITIONS; i++) {
                batch.add(new ProducerRecord<>(topic, i % PARTITIONS, "key", label + "-" + i));
            }
            try (KafkaProducer<String, String> producer = cluster.producer()) {
                Cluster.send(producer, batch);
            }
            Cluster.until(when + ", all records consumed", true,
                () -> batch.stream().allMatch(r -> members.stream().anyMatch(m -> m.saw(r.value()))));
        }

        private boolean even() {
            Set<Integer> all = new TreeSet<>();
            for (Member member : members) {
                Set<Integer> held = member.held();
                if (held.size() != PARTITIONS / members.size() || !all.addAll(held)) {
                    return false;
                }
            }
            return all.size() == PARTITIONS;
        }

        int revoked() {
            return members.stream().mapToInt(Member::revoked).sum();
        }

        List<Integer> rebalances() {
            return members.stream().map(Member::rebalances).toList();
        }
    }

    /** The most partitions that a new member's arrival may take from others is `movable`. */
    private void dynamic(String name, String strategy, int movable) throws Exception {
        String[] settings = {"partition.assignment.strategy", "org.apache.kafka.clients.consumer." + strategy};
        try (Party party = new Party(name)) {
            party.join(Member.End.LEAVES, settings);
            party.join(Member.End.CRASHES, settings);
            party.join(Member.End.LEAVES, settings);
            party.settles("at first");
            Member killed = party.members.remove(1);
            int before = party.revoked();
            killed.end();
            party.settles("after a kill");
            Cluster.check(movable == PARTITIONS || party.revoked() == before, "the kill of one took partitions from the others");
            before = party.revoked();
            party.join(Member.End.LEAVES, settings);
            party.settles("after one joined");
            int moved = party.revoked() - before;
            Cluster.check(moved <= movable, "a new member took " + moved + " partitions from the others, want " + movable);
            party.members.remove(0).end();
            party.settles("after one left");
        }
    }

    /** Restarts each static member: it gets its partitions back and the others notice nothing. */
    private void fixed() throws Exception {
        try (Party party = new Party("group-static")) {
            for (String id : List.of("a", "b", "c")) {
                party.join(Member.End.LEAVES, "group.instance.id", id);
            }
            party.settles("at first");
            for (String id : List.of("a", "b", "c")) {
                Member gone = party.members.remove(0);
                Set<Integer> held = gone.held();
                List<Integer> before = party.rebalances();
                gone.end();
                party.join(Member.End.LEAVES, "group.instance.id", id);
                party.settles("after a restart of " + id);
                Set<Integer> now = party.members.get(2).held();
                Cluster.check(now.equals(held), "static member " + id + " held " + held + " and got " + now);
                Cluster.check(party.rebalances().subList(0, 2).equals(before), "the others rebalanced when " + id + " restarted");
            }
        }
    }
}
