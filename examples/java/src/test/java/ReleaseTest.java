import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;

class ReleaseTest {
    private String box;
    private Release release;
    private String packageId;

    /** Makes a platform for one test, with a clock that the test moves, and submits a version there. */
    @BeforeEach
    void submit(TestInfo test) throws Exception {
        String name = "java-" + test.getTestMethod().orElseThrow().getName();
        box = "/" + name;
        JsonObject who = emu("POST", "", "{'name': '" + name + "', 'clock': {'mode': 'virtual'}}");
        release = new Release(who.getAsJsonObject("authorizer").get("access_token").getAsString());
        release.call("upload", Map.of("template_id", "754", "user_version", "1.0.0", "user_desc", "first", "ext_json", "{}"));
        emu("POST", box + "/clock/advance", "{'by': '3s'}");
        packageId = release.call("get", Map.of()).getAsJsonArray().get(0).getAsJsonObject().get("package_id").getAsString();
        release.call("submitaudit", Map.of("package_id", packageId, "content", "first", "remark", ""));
    }

    @AfterEach
    void delete() throws Exception {
        emu("DELETE", box, "");
    }

    @Test
    void passed() throws Exception {
        emu("POST", box + "/clock/advance", "{'by': '5s'}");
        assertEquals("PACKAGE_AUDIT_PASS", pushed().get("event").getAsString());
        release.call("release", Map.of("package_id", packageId));
        assertEquals("1.0.0", release.call("getdetail", Map.of()).getAsJsonObject().get("version").getAsString());
    }

    @Test
    void failed() throws Exception {
        emu("POST", box + "/decisions", "{'kind': 'audit', 'package_id': " + packageId + ", 'result': 'fail', 'reason': '名称过长'}");
        assertEquals("名称过长", pushed().get("reason").getAsString());
        IOException refused = assertThrows(IOException.class, () -> release.call("release", Map.of("package_id", packageId)));
        assertTrue(refused.getMessage().contains("40001"), refused.getMessage());
    }

    private JsonObject pushed() throws Exception {
        return emu("GET", box + "/inbox", "").getAsJsonArray("messages").get(0).getAsJsonObject().getAsJsonObject("message");
    }

    /** Gives the emulator an order, or asks it. */
    private static JsonObject emu(String method, String path, String order) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(System.getenv("EMU_URL") + "/_emu/sandboxes" + path))
                .header("Content-Type", "application/json")
                .method(method, HttpRequest.BodyPublishers.ofString(order.replace('\'', '"'))).build();
        String body = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body();
        return body.isEmpty() ? new JsonObject() : JsonParser.parseString(body).getAsJsonObject();
    }
}
