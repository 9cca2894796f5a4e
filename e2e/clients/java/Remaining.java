import org.apache.kafka.clients.consumer.KafkaConsumer;

/** Closes a consumer without LeaveGroup: 3.9 has an internal setting for it, 4.x a way to close. */
final class Remaining {
    /** What the consumer must be made with in 3.9; 4.x does not know it. */
    static final String SETTING = "internal.leave.group.on.close";

    private Remaining() {
    }

    static void close(KafkaConsumer<?, ?> consumer) {
        try {
            Class<?> options = Class.forName("org.apache.kafka.clients.consumer.CloseOptions");
            Class<?> operation = Class.forName("org.apache.kafka.clients.consumer.CloseOptions$GroupMembershipOperation");
            Object remain = operation.getField("REMAIN_IN_GROUP").get(null);
            Object chosen = options.getMethod("groupMembershipOperation", operation).invoke(null, remain);
            KafkaConsumer.class.getMethod("close", options).invoke(consumer, chosen);
        } catch (ClassNotFoundException is39) {
            consumer.close();
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }
}
