package demo

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"time"
)

// WaitLive waits until every camera that these shows serve delivers pictures, at most d: a
// demo begins when there is something to see.
func (s *System) WaitLive(ctx context.Context, shows []Show, d time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		live, err := s.liveCameras(ctx)
		waiting := 0
		for _, show := range shows {
			if show.File != "" && !live[show.ID] {
				waiting++
			}
		}
		if err == nil && waiting == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%d cameras show no picture after %s (%v); the edge's log is %s", waiting, d, err, filepath.Join(s.Dir, "edge.log"))
		}
	}
}

// liveCameras gives the cameras that are analysed now.
func (s *System) liveCameras(ctx context.Context) (map[string]bool, error) {
	var page struct {
		Cameras []struct {
			ID    string `json:"id"`
			State string `json:"state"`
		} `json:"cameras"`
	}
	err := s.API(ctx, http.MethodGet, "/cameras", nil, &page)
	live := map[string]bool{}
	for _, c := range page.Cameras {
		live[c.ID] = c.State == "live"
	}
	return live, err
}
