// Counts once however often it asks, over HTTP, with nothing but Java itself (17 or newer).
//
//     java Once.java [KEY]
//
// The server is at 127.0.0.1:1234 unless CUENTA_WEB=HOST:PORT says otherwise.

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.UUID;

class Once {
    static final String ADDRESS = System.getenv().getOrDefault("CUENTA_WEB", "127.0.0.1:1234");
    static final String COUNTER = "http://" + ADDRESS + "/v1/counters/visitas";
    static final HttpClient CLIENT = HttpClient.newHttpClient();

    static HttpRequest.Builder request(String url) {
        return HttpRequest.newBuilder(URI.create(url)).timeout(Duration.ofSeconds(5));
    }

    static String value() throws IOException, InterruptedException {
        var answer = CLIENT.send(request(COUNTER).build(), BodyHandlers.ofString()).body();
        return answer.replaceFirst("(?s).*\"value\":\"(-?\\d+)\".*", "$1");
    }

    /** Sends the change until an answer comes. The server knows it by its key, and counts it the first time. */
    static void add(long amount, String key) throws InterruptedException {
        var change = request(COUNTER + ":add").header("Content-Type", "application/json").header("Idempotency-Key", key)
                .POST(BodyPublishers.ofString("{\"amount\":\"" + amount + "\"}")).build();
        System.out.printf("add %d to visitas, Idempotency-Key: %s%n", amount, key);
        for (int attempt = 1; attempt <= 5; attempt++) {
            try {
                var response = CLIENT.send(change, BodyHandlers.ofString());
                int status = response.statusCode();
                if (status != 200 && status != 503) fail("refused: " + response.body()); // 503: busy, or stopping
                // We pretend that the first answer was lost: the change was made, and we do not know.
                boolean lost = status == 200 && attempt == 1;
                System.out.printf("  attempt %d: %s%n", attempt, lost ? "the answer was lost" : response.body().strip());
                if (status == 200 && !lost) return;
            } catch (IOException e) {
                System.out.printf("  attempt %d: %s%n", attempt, e);
            }
            Thread.sleep(50L << attempt);
        }
        fail("no answer; GET /v1/outcomes/" + key + " will tell whether it was counted");
    }

    static void fail(String message) {
        System.err.println(message);
        System.exit(1);
    }

    public static void main(String[] args) throws InterruptedException {
        try {
            var before = value();
            // A key is for one change: the number of an order, or something unique.
            add(5, args.length > 0 ? args[0] : UUID.randomUUID().toString());
            System.out.printf("visitas went from %s to %s%n", before, value());
        } catch (IOException e) {
            fail("no server at " + ADDRESS + "; start one with `cuenta serve`, or set CUENTA_WEB=HOST:PORT");
        }
    }
}
