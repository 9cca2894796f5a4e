import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.kafka.common.utils.Exit;

/**
 * Runs the tools of Apache Kafka one after the other in one JVM. Each line of standard input is a class and its arguments,
 * separated by tabs; the answer is what the tool wrote to both outputs, then a line `exit CODE` that begins with U+0004.
 */
public final class Tools {
    /** What a tool's exit becomes. */
    private static final class Ended extends Error {
        Ended() {
            super(null, null, false, false);
        }
    }

    /** A stream that stays the same for those who keep it; it takes what is written until a tool has exited. */
    private static final class Captured extends OutputStream {
        private ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private Integer exit;

        @Override
        public synchronized void write(int b) {
            write(new byte[] {(byte) b}, 0, 1);
        }

        @Override
        public synchronized void write(byte[] b, int off, int len) {
            if (exit == null) {
                bytes.write(b, off, len);
            }
        }

        /** The first exit counts: some tools catch what exit throws here, and exit again. */
        synchronized void exit(int code) {
            exit = exit == null ? Integer.valueOf(code) : exit;
        }

        synchronized String take() {
            String taken = bytes.toString(StandardCharsets.UTF_8) + "\n\u0004exit " + exit + "\n";
            bytes = new ByteArrayOutputStream();
            exit = null;
            return taken;
        }
    }

    private final Captured captured = new Captured();
    private final PrintStream stream = new PrintStream(captured, true, StandardCharsets.UTF_8);
    private final List<Runnable> hooks = new ArrayList<>();

    private Tools() {
    }

    public static void main(String[] args) throws Exception {
        PrintStream answers = System.out;
        Tools tools = new Tools();
        tools.takeOver();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            tools.run(line.split("\t", -1));
            answers.write(tools.captured.take().getBytes(StandardCharsets.UTF_8));
            answers.flush();
        }
    }

    private void takeOver() {
        System.setOut(stream);
        System.setErr(stream);
        Exit.setExitProcedure((code, message) -> end(code));
        Exit.setHaltProcedure((code, message) -> end(code));
        Exit.setShutdownHookAdder((name, hook) -> hooks.add(hook));
    }

    /** Shutdown hooks still write, so they run before the exit is noted. */
    private void end(int code) {
        List<Runnable> due = List.copyOf(hooks);
        hooks.clear();
        due.forEach(Runnable::run);
        captured.exit(code);
        throw new Ended();
    }

    private void run(String[] command) throws ReflectiveOperationException {
        String[] arguments = Arrays.copyOfRange(command, 1, command.length);
        try {
            Class.forName(command[0]).getMethod("main", String[].class).invoke(null, (Object) arguments);
            end(0);
        } catch (InvocationTargetException e) {
            if (!(e.getCause() instanceof Ended)) {
                e.getCause().printStackTrace(stream);
                captured.exit(1);
            }
        } catch (Ended ended) {
            return;
        }
    }
}
