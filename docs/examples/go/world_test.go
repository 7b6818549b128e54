package render

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// world is what one API key sees of the simulator; each test has its own.
type world struct {
	t        *testing.T
	url, key string
}

// newWorld creates a world with a manual clock and these rules, and deletes it after the test.
func newWorld(t *testing.T, rules string) world {
	t.Helper()
	w := world{t: t, url: os.Getenv("PIXAZO_BASE_URL")}
	if w.url == "" {
		t.Fatal("there is no PIXAZO_BASE_URL: run pixazo-sim exec -- go test ./...")
	}
	var created struct{ Key string }
	w.control("POST", "/_sim/worlds", fmt.Sprintf(`{"clock": "manual", "script": %s}`, rules), &created)
	w.key = created.Key
	t.Cleanup(func() { w.control("DELETE", "/_sim/world", "", &struct{}{}) })
	return w
}

// control asks a route of /_sim; the test fails when it is refused.
func (w world) control(method, path, body string, answer any) {
	w.t.Helper()
	request, err := http.NewRequest(method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Ocp-Apim-Subscription-Key", w.key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 {
		var refusal struct{ Message string }
		json.NewDecoder(response.Body).Decode(&refusal)
		w.t.Fatalf("%s %s: %s %s", method, path, response.Status, refusal.Message)
	}
	if err := json.NewDecoder(response.Body).Decode(answer); err != nil {
		w.t.Fatal(err)
	}
}

// sleep lets time pass in the world.
func (w world) sleep(pause time.Duration) {
	w.t.Helper()
	w.control("POST", "/_sim/clock/advance", fmt.Sprintf(`{"seconds": %g}`, pause.Seconds()), &struct{}{})
}
