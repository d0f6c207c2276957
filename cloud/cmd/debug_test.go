package cmd

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
)

// TestProfiles: profiles are served to this machine alone, and end with the server.
func TestProfiles(t *testing.T) {
	p, err := openProfiles("127.0.0.1:0", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.run(ctx) }()
	client := &http.Client{Transport: &http.Transport{}}
	get := func(host string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+p.l.Addr().String()+"/debug/pprof/heap?debug=1", nil)
		if err != nil {
			t.Fatal(err)
		}
		if host != "" {
			req.Host = host
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	if code, body := get(""); code != http.StatusOK || !strings.Contains(body, "HeapAlloc") {
		t.Errorf("%d: %.80s", code, body)
	}
	if code, body := get("elsewhere.example:80"); code != http.StatusForbidden || strings.Contains(body, "HeapAlloc") {
		t.Errorf("under another name: %d: %.80s", code, body)
	}
	if _, err := openProfiles(p.l.Addr().String(), slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "change debug.listen") {
		t.Errorf("a second on the same port: %v", err)
	}
	client.CloseIdleConnections()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
