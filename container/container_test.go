package container_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/testcontainers/testcontainers-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/swanemu/emu/container"
	"github.com/swanemu/emu/contracttest"
	"github.com/swanemu/emu/contracttest/emutarget"
)

// image is the image that the tests run. They are asked for with its name in
// EMU_CONTAINER_IMAGE; then a Docker daemon has to be there.
func image(t *testing.T) string {
	t.Helper()
	name := os.Getenv("EMU_CONTAINER_IMAGE")
	if name == "" {
		t.Log("not asked for: set EMU_CONTAINER_IMAGE")
	}
	return name
}

// start runs the image until the test ends.
func start(t *testing.T, name string, opts ...testcontainers.ContainerCustomizer) *container.Container {
	t.Helper()
	began := time.Now()
	c, err := container.Run(t.Context(), name, opts...)
	if c != nil {
		testcontainers.CleanupContainer(t, c)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("ready after %v", time.Since(began).Round(time.Millisecond))
	return c
}

// call sends a request to the control API.
func call(t *testing.T, c *container.Container, method, path, body string) string {
	t.Helper()
	base, err := c.BaseURL(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	token, err := c.AdminToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode >= http.StatusBadRequest {
		t.Fatalf("%s %s: %s: %s, %v", method, path, response.Status, text, err)
	}
	return string(text)
}

// TestContainerContract runs the contract suite against the container, in a
// sandbox of its own.
func TestContainerContract(t *testing.T) {
	name := image(t)
	if name == "" {
		return
	}
	c := start(t, name)
	base, err := c.BaseURL(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	token, err := c.AdminToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	box, err := emutarget.Open(t.Context(), emutarget.Options{URL: base, AdminToken: token})
	if err != nil {
		t.Fatal(err)
	}
	// Pushes do not get out of this container; another test has those.
	r, err := contracttest.Verify(t.Context(), box.Target(), contracttest.Options{
		Mode: contracttest.Destructive, Checks: []string{"input", "token", "lifecycle", "response"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := box.Close(t.Context()); err != nil {
		t.Error(err)
	}
	var text bytes.Buffer
	if err := r.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	t.Log(text.String())
	if err := r.Err(); err != nil || r.Count(contracttest.Passed) < 1000 {
		t.Errorf("%d cases passed: %v", r.Count(contracttest.Passed), err)
	}
}

// TestContainerOptions looks at what the options come to.
func TestContainerOptions(t *testing.T) {
	name := image(t)
	if name == "" {
		return
	}
	file := filepath.Join(scenarioDir(t, "own.yaml"), "own.yaml")
	c := start(t, name, container.WithScenario(file), container.WithSeed(7), container.WithVirtualClock())
	if apps := call(t, c, "GET", "/_emu/sandboxes/default/apps", ""); !strings.Contains(apps, `"app_id":4711`) {
		t.Errorf("the apps are %s", apps)
	}
	if box := call(t, c, "GET", "/_emu/sandboxes/default", ""); !strings.Contains(box, `"seed":7`) || !strings.Contains(box, `"mode":"virtual"`) {
		t.Errorf("the sandbox is %s", box)
	}
	if _, err := c.KafkaBrokers(t.Context()); err == nil {
		t.Error("a container without Kafka names brokers")
	}
	credentials, err := c.NewSandbox(t.Context(), "checkout")
	if err != nil || credentials.Sandbox != "checkout" || credentials.Authorizer.AccessToken == "" {
		t.Fatalf("%+v, %v", credentials, err)
	}
	if _, err := c.NewSandbox(t.Context(), "checkout"); err == nil {
		t.Error("two sandboxes have one name")
	}
}

// TestContainerScenarios names a scenario of a directory that was copied into
// the container.
func TestContainerScenarios(t *testing.T) {
	name := image(t)
	if name == "" {
		return
	}
	dir := scenarioDir(t, "own.yaml", "other.yml")
	c := start(t, name, container.WithScenarios(dir), container.WithScenario("own"))
	if apps := call(t, c, "GET", "/_emu/sandboxes/default/apps", ""); !strings.Contains(apps, `"app_id":4711`) {
		t.Errorf("the apps are %s", apps)
	}
}

// TestContainerSends has a push arrive on this machine, and a notice in a Kafka
// client.
func TestContainerSends(t *testing.T) {
	name := image(t)
	if name == "" {
		return
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	pushed := make(chan string, 8)
	receiver := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		pushed <- r.URL.Path + " " + string(body)
		_, _ = io.WriteString(w, "success")
	})}
	go func() { _ = receiver.Serve(listener) }()
	t.Cleanup(func() { _ = receiver.Close() })
	c := start(t, name, container.WithWebhookTarget(), container.WithKafka(), container.WithVirtualClock())
	url := container.WebhookURL(listener.Addr().(*net.TCPAddr).Port, "/tp")
	const box = "/_emu/sandboxes/default"
	call(t, c, "PATCH", box+"/tps/17328232", fmt.Sprintf(`{"push_url":%q}`, url))
	call(t, c, "POST", box+"/apps/1452365/packages", `{"packages":[{"package_id":9,"version":"1.0.0","state":"in_review"}]}`)
	call(t, c, "POST", box+"/decisions", `{"kind":"audit","app_id":1452365,"package_id":9,"result":"pass"}`)
	call(t, c, "POST", box+"/settle", "{}")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	select {
	case got := <-pushed:
		if !strings.HasPrefix(got, "/tp ") || !strings.Contains(got, "Encrypt") {
			t.Errorf("the push is %s", got)
		}
	case <-ctx.Done():
		t.Fatal("no push has arrived: ", call(t, c, "GET", box+"/deliveries", ""))
	}
	brokers, err := c.KafkaBrokers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics("smartapp.change"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	records := client.PollFetches(ctx)
	if errs := records.Errors(); len(errs) > 0 {
		t.Fatal(errs)
	}
	if n := records.NumRecords(); n == 0 {
		t.Error("there is no notice")
	}
}
