package demo

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sort"
	"strings"
	"testing"
	"time"

	"bongsu"
)

// apiEvent is what the tests read of an event.
type apiEvent struct {
	bongsu.Event
	Alert       bongsu.AlertID `json:"alert"`
	Verdict     bongsu.Verdict `json:"verdict"`
	SnapshotURL string         `json:"snapshot_url"`
	Clips       []struct {
		Part       int              `json:"part"`
		State      bongsu.ClipState `json:"state"`
		Start      time.Time        `json:"start"`
		DurationUS int64            `json:"duration_us"`
		Codec      string           `json:"codec"`
		Bytes      int64            `json:"bytes"`
		URL        string           `json:"url"`
	} `json:"clips"`
}

type apiAlert struct {
	bongsu.Alert
	SnapshotURL string `json:"snapshot_url"`
	ClipParts   int    `json:"clip_parts"`
}

// events reads all events of a camera ("" for all), oldest first.
func (s *System) events(ctx context.Context, camera string) ([]apiEvent, error) {
	var all []apiEvent
	for after := ""; ; {
		q := url.Values{"limit": {"200"}}
		if camera != "" {
			q.Set("camera", camera)
		}
		if after != "" {
			q.Set("after", after)
		}
		var page struct {
			Events []apiEvent `json:"events"`
			Next   string     `json:"next"`
		}
		if err := s.API(ctx, http.MethodGet, "/events?"+q.Encode(), nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Events...)
		if after = page.Next; after == "" {
			break
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Start.Before(all[j].Start) })
	return all, nil
}

func (s *System) alerts(ctx context.Context, state string) ([]apiAlert, error) {
	var page struct {
		Alerts []apiAlert `json:"alerts"`
	}
	err := s.API(ctx, http.MethodGet, "/alerts?limit=500&state="+state, nil, &page)
	return page.Alerts, err
}

// get fetches a path of the cloud with the script token.
func (s *System) get(ctx context.Context, path string) ([]byte, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.ConsoleURL+path, nil)
	if err != nil {
		return nil, "", err
	}
	req.Header.Set("Authorization", "Bearer "+s.Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s: %.200s", path, resp.Status, body)
	}
	return body, resp.Header.Get("Content-Type"), err
}

// waitEvents waits until a camera has n closed events, then a little longer is not needed:
// what comes besides is found by whoever reads again at the end.
func (s *System) waitEvents(t *testing.T, ctx context.Context, camera string, n int) []apiEvent {
	t.Helper()
	var got []apiEvent
	eventually(t, ctx, fmt.Sprintf("%d closed events of %s", n, camera), func() (bool, string) {
		var err error
		if got, err = s.events(ctx, camera); err != nil {
			return false, err.Error()
		}
		closed := 0
		for _, e := range got {
			if e.State == bongsu.EventClosed {
				closed++
			}
		}
		return closed >= n, fmt.Sprintf("%d events, %d closed", len(got), closed)
	})
	return got
}

// began waits until a camera has its first viewer and gives that instant.
func (s *System) began(t *testing.T, ctx context.Context, id string) time.Time {
	t.Helper()
	prefix := "playing " + id + " "
	line, err := s.Process("cameras").Line(ctx, func(l string) bool { return strings.HasPrefix(l, prefix) })
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.Parse(time.RFC3339Nano, strings.TrimPrefix(line, prefix))
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// cameraState reads one camera's state as the operator sees it.
func (s *System) cameraState(ctx context.Context, id string) (state bongsu.CameraState, code, reason string, err error) {
	var page struct {
		Cameras []struct {
			ID     string             `json:"id"`
			State  bongsu.CameraState `json:"state"`
			Code   string             `json:"code"`
			Reason string             `json:"reason"`
		} `json:"cameras"`
	}
	if err := s.API(ctx, http.MethodGet, "/cameras", nil, &page); err != nil {
		return "", "", "", err
	}
	for _, c := range page.Cameras {
		if c.ID == id {
			return c.State, c.Code, c.Reason, nil
		}
	}
	return "", "", "", fmt.Errorf("the cloud knows no camera %s", id)
}
