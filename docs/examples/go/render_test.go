package render

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestAFailureIsReportedWithItsReason(t *testing.T) {
	world := newWorld(t, `[{"when": "generate", "match": {"prompt": {"contains": "bear"}},
		"end": {"status": "FAILED", "error": "content policy"}}]`)
	gateway := Gateway{BaseURL: world.url, APIKey: world.key, Sleep: world.sleep}

	if _, err := gateway.Render("A bear"); err == nil || err.Error() != "content policy" {
		t.Errorf("the error is %v", err)
	}

	var journal struct{ Exchanges []struct{ At, Method string } }
	world.control("GET", "/_sim/journal", "", &journal)
	if last := journal.Exchanges[len(journal.Exchanges)-1]; len(journal.Exchanges) != 5 || last.At != "2026-03-31T10:00:15.000Z" {
		t.Errorf("it called at these times: %v", journal.Exchanges)
	}
}

func TestItsWebhookArrives(t *testing.T) {
	ended := make(chan string, 1)
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		var seen struct{ Status string }
		json.NewDecoder(request.Body).Decode(&seen)
		ended <- seen.Status
	}))
	defer app.Close()
	world := newWorld(t, `[]`)
	gateway := Gateway{BaseURL: world.url, APIKey: world.key, Webhook: app.URL + "/pixazo", Sleep: world.sleep}

	if _, err := gateway.Render("A cat"); err != nil {
		t.Fatal(err)
	}

	if status := <-ended; status != "COMPLETED" {
		t.Errorf("the webhook says %s", status)
	}
}
