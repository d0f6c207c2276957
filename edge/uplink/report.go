package uplink

import (
	"context"
	"sync"
	"time"

	"bongsu"
)

// reports tells the cloud how the edge and its cameras are, regularly and when something has
// changed; and while the gate is shut it is who finds out whether the cloud is back.
func (u *Uplink) reports(ctx context.Context) {
	tick := time.NewTicker(u.o.ReportEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		turned, shut := u.gate.shut()
		if shut {
			u.probe(ctx) // which is a report: the next one is due with the clock
			turned, shut = u.gate.shut()
		} else if u.gate.wait(ctx) != nil {
			return
		} else if err := u.report(ctx, true); err != nil && ctx.Err() == nil {
			u.trouble(ctx, err)
			continue
		}
		if shut {
			continue
		}
		select {
		case <-tick.C:
		case <-u.o.CamerasChanged:
		case <-turned:
		case <-ctx.Done():
		}
	}
}

// probesAtOnce bounds how many probes wait for an answer at the same time.
const probesAtOnce = 4

// probe asks whether the cloud is back until it is. A try that went into a dead line does not
// hold up the next: each has a request of its own, and the first that is answered ends all.
func (u *Uplink) probe(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	var tries sync.WaitGroup
	defer tries.Wait()
	defer cancel()
	slots := make(chan struct{}, probesAtOnce)
	for u.gate.waitProbe(ctx) == nil {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		tries.Go(func() {
			defer func() { <-slots }()
			if err := u.report(ctx, false); err != nil && ctx.Err() == nil {
				u.trouble(ctx, err)
			}
		})
	}
}

// report sends one report, with the new stills unless it is to be small.
func (u *Uplink) report(ctx context.Context, stills bool) error {
	req := bongsu.CamerasRequest{Version: u.o.Version, At: u.o.Now().UTC(), Cameras: []bongsu.CameraStatus{}, Pending: u.o.Store.Backlog()}
	if u.o.Cameras != nil {
		req.Cameras = append(req.Cameras, u.o.Cameras()...)
	}
	sent := u.chooseStills(req.Cameras, stills)
	u.polite.enter()
	defer u.polite.leave()
	send := u.call
	if !stills { // a probe is not ended with those that went before it
		send = u.callProbe
	}
	if err := send(ctx, "cameras", req, nil); err != nil {
		return err
	}
	u.mu.Lock()
	for id, at := range sent {
		u.stills[id] = at
	}
	u.sent.Reports++
	u.mu.Unlock()
	if u.gate.reached() {
		u.online()
	}
	return nil
}

// chooseStills takes the stills out that the cloud has, or all of them, and gives the times of
// those that are left.
func (u *Uplink) chooseStills(cameras []bongsu.CameraStatus, wanted bool) map[bongsu.CameraID]time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	left := map[bongsu.CameraID]time.Time{}
	for i := range cameras {
		c := &cameras[i]
		if !wanted || len(c.Still) == 0 || !c.StillAt.After(u.stills[c.ID]) {
			c.Still = nil
			continue
		}
		left[c.ID] = c.StillAt
	}
	return left
}
