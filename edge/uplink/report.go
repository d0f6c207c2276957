package uplink

import (
	"context"
	"time"

	"bongsu"
)

// reports tells the cloud how the edge and its cameras are, regularly and when something has
// changed.
func (u *Uplink) reports(ctx context.Context) {
	tick := time.NewTicker(u.o.ReportEvery)
	defer tick.Stop()
	for u.gate.wait(ctx) == nil {
		if err := u.report(ctx); err != nil && ctx.Err() == nil {
			u.trouble(err)
			continue
		}
		select {
		case <-tick.C:
		case <-u.o.CamerasChanged:
		case <-ctx.Done():
		}
	}
}

func (u *Uplink) report(ctx context.Context) error {
	req := bongsu.CamerasRequest{Version: u.o.Version, At: u.o.Now().UTC(), Cameras: []bongsu.CameraStatus{}, Pending: u.o.Store.Backlog()}
	stills := map[bongsu.CameraID]time.Time{}
	if u.o.Cameras != nil {
		req.Cameras = append(req.Cameras, u.o.Cameras()...)
	}
	u.mu.Lock()
	for i := range req.Cameras {
		c := &req.Cameras[i]
		if len(c.Still) == 0 || !c.StillAt.After(u.stills[c.ID]) {
			c.Still = nil
			continue
		}
		stills[c.ID] = c.StillAt
	}
	u.mu.Unlock()
	if err := u.call(ctx, "cameras", req, nil); err != nil {
		return err
	}
	u.mu.Lock()
	for id, at := range stills {
		u.stills[id] = at
	}
	u.sent.Reports++
	u.mu.Unlock()
	u.well()
	return nil
}
