// Package render is the app under test: it asks for a video, and polls until there is an end.
package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Gateway is where videos are rendered.
type Gateway struct {
	BaseURL string
	APIKey  string
	Webhook string              // where ends are reported to, too; empty: nowhere
	Sleep   func(time.Duration) // time.Sleep, but for tests
}

// Render asks for a video and returns its URL.
func (gateway Gateway) Render(prompt string) (string, error) {
	body, err := json.Marshal(map[string]string{"prompt": prompt})
	if err != nil {
		return "", err
	}
	var accepted struct {
		PollingURL string `json:"polling_url"`
	}
	if err := gateway.call("POST", gateway.BaseURL+"/minimax-hailuo-ai/v1/generate", body, &accepted); err != nil {
		return "", err
	}
	for {
		var seen struct {
			Status string
			Error  string
			Output struct {
				MediaURL []string `json:"media_url"`
			}
		}
		if err := gateway.call("GET", accepted.PollingURL, nil, &seen); err != nil {
			return "", err
		}
		switch seen.Status {
		case "COMPLETED":
			return seen.Output.MediaURL[0], nil
		case "FAILED", "ERROR":
			return "", errors.New(seen.Error)
		}
		gateway.Sleep(5 * time.Second)
	}
}

func (gateway Gateway) call(method, url string, body []byte, answer any) error {
	request, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Ocp-Apim-Subscription-Key", gateway.APIKey)
	if gateway.Webhook != "" {
		request.Header.Set("X-Webhook-URL", gateway.Webhook)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s", method, url, response.Status)
	}
	return json.NewDecoder(response.Body).Decode(answer)
}
