import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.common.utils.AppInfoParser;

/**
 * Goes through the checklist of ../checklist with Apache Kafka's own clients: `java Checklist BOOTSTRAP [PATTERN]`. The
 * same source is compiled against 3.9 and 4.x, so it uses what both have.
 */
public final class Checklist {
    interface Check {
        void run() throws Exception;
    }

    private final String pattern;
    private boolean failed;

    private Checklist(String pattern) {
        this.pattern = pattern;
    }

    public static void main(String[] args) throws Exception {
        String prefix = "java-" + AppInfoParser.getVersion() + "-" + UUID.randomUUID().toString().substring(0, 6) + "-";
        Checklist list = new Checklist(args.length > 1 ? args[1] : "*");
        try (Cluster cluster = new Cluster(args[0], prefix)) {
            list.run(cluster);
        }
        System.out.flush();
        System.exit(list.failed ? 1 : 0);
    }

    /** The checks of groups wait for timers most of the time and so run beside the others. */
    private void run(Cluster cluster) throws Exception {
        List<Thread> threads = new ArrayList<>();
        new Groups(cluster).checks().forEach((name, check) -> threads.add(new Thread(() -> run(name, check))));
        threads.forEach(Thread::start);
        Map<String, Check> rest = new LinkedHashMap<>(new Data(cluster).checks());
        rest.putAll(new Administration(cluster).checks());
        rest.forEach(this::run);
        for (Thread thread : threads) {
            thread.join();
        }
    }

    private void run(String name, Check check) {
        if (!name.matches(pattern.replace("*", ".*"))) {
            return;
        }
        try {
            check.run();
            print("ok " + name);
        } catch (Throwable e) {
            Throwable cause = e instanceof ExecutionException ? e.getCause() : e;
            failed(name, cause);
        }
    }

    private synchronized void failed(String name, Throwable cause) {
        failed = true;
        print("FAIL " + name + ": " + cause.toString().replace('\n', ' '));
        cause.printStackTrace();
    }

    private synchronized void print(String line) {
        System.out.println(line);
    }
}
