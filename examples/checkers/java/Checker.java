import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A checker that forbids MAX_PT. The answer to the POST is the verdict, so it needs no key and no client; and no library
 * either, since the code stands in the body as one JSON text. Run: PORT=9000 java examples/checkers/java/Checker.java
 */
public class Checker {
    private static final Pattern CONTENT = Pattern.compile("\"Content\":\"((?:[^\"\\\\]|\\\\.)*)\"");
    private static final Pattern MAX_PT = Pattern.compile("\\bmax_pt\\s*\\(", Pattern.CASE_INSENSITIVE);
    private static final Pattern CHOSEN = Pattern.compile("\"checkStatus\":\"(WARN|FAIL)\"");
    private static final String ADVICE = "Name the partition, so that a rerun reads the same data.";

    static String check(String question) {
        List<String> findings = new ArrayList<>();
        Matcher content = CONTENT.matcher(question);
        while (content.find()) {
            String[] lines = content.group(1).split("\\\\n", -1);
            for (int index = 0; index < lines.length; index++) {
                if (!MAX_PT.matcher(lines[index]).find()) continue;
                findings.add("{\"line\":" + (index + 1) + ",\"rule\":\"MAX_PT\",\"text\":\"" + ADVICE + "\"}");
            }
        }
        if (findings.isEmpty()) return "{\"checkResult\":\"OK\"}";
        Matcher chosen = CHOSEN.matcher(question);
        return "{\"checkResult\":\"" + (chosen.find() ? chosen.group(1) : "FAIL") + "\",\"checkMessage\":\"MAX_PT is called "
            + findings.size() + " times.\",\"findings\":[" + String.join(",", findings) + "]}";
    }

    static void answer(HttpExchange exchange) throws IOException {
        String question = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
        byte[] body = check(question).getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("content-type", "application/json");
        exchange.sendResponseHeaders(200, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    public static void main(String[] arguments) throws IOException {
        int port = Integer.parseInt(System.getenv().getOrDefault("PORT", "9000"));
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        server.createContext("/check", Checker::answer);
        server.setExecutor(Executors.newCachedThreadPool());
        server.start();
        System.out.println("checker listens on http://127.0.0.1:" + server.getAddress().getPort() + "/check");
    }
}
