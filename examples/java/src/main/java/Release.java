import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.stream.Collectors;

/** A team's own code: the platform's address is built in, as in official clients. */
public class Release {
    private final HttpClient client = HttpClient.newHttpClient();
    private final String token;

    /** The token is the TP's on behalf of the app. */
    public Release(String token) {
        this.token = token;
    }

    /** Calls the platform about packages and returns what it answers as data. */
    public JsonElement call(String name, Map<String, String> params) throws IOException, InterruptedException {
        String query = params.entrySet().stream()
                .map(p -> "&" + p.getKey() + "=" + URLEncoder.encode(p.getValue(), StandardCharsets.UTF_8))
                .collect(Collectors.joining());
        URI address = URI.create("https://openapi.baidu.com/rest/2.0/smartapp/package/" + name + "?access_token=" + token + query);
        HttpRequest request = HttpRequest.newBuilder(address)
                .method(name.startsWith("get") ? "GET" : "POST", HttpRequest.BodyPublishers.noBody()).build();
        String body = client.send(request, HttpResponse.BodyHandlers.ofString()).body();
        JsonObject answer = JsonParser.parseString(body).getAsJsonObject();
        if (!answer.has("errno") || answer.get("errno").getAsInt() != 0) {
            throw new IOException(name + ": " + body);
        }
        return answer.get("data");
    }
}
