package node

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"bongsu"
	"bongsu/edge/link"
	"bongsu/edge/obs"
)

// view is what others may see of the node. It is safe for use by many goroutines.
type view struct {
	now func() time.Time

	mu      sync.Mutex
	order   []bongsu.CameraID           // guarded by mu
	names   map[bongsu.CameraID]string  // guarded by mu
	cams    map[bongsu.CameraID]*camera // guarded by mu
	workers map[int]map[metric]float64  // guarded by mu: what living workers count
	past    map[metric]float64          // guarded by mu: what workers counted that have ended
	sums    sums                        // guarded by mu
	house   error                       // guarded by mu: why the last housekeeping failed
	stall   time.Time                   // guarded by mu: since when

	put, hop *obs.Histogram // set before use; nil without a registry
}

// camera is what is known of one camera.
type camera struct {
	status bongsu.CameraStatus
	look   []byte
	lookAt time.Time
	worker int
	pid    int
	deaths int
}

// metric names one value that workers count.
type metric struct {
	name, label string
	camera      bongsu.CameraID
	gauge       bool
}

// sums are the node's own counts.
type sums struct {
	stored, known, refused, lost, past, deaths int64
}

func (v *view) init(now func() time.Time) {
	v.now = now
	v.names, v.cams = map[bongsu.CameraID]string{}, map[bongsu.CameraID]*camera{}
	v.workers, v.past = map[int]map[metric]float64{}, map[metric]float64{}
}

// cameras takes the configured cameras in. Names of those that are gone stay known, for the
// revisions that still come of them.
func (v *view) cameras(order []bongsu.CameraID, all map[bongsu.CameraID]link.Assignment) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.order = slices.Clone(order)
	for id, a := range all {
		v.names[id] = a.Name
		if c := v.cams[id]; c != nil {
			c.status.Name = a.Name
			continue
		}
		v.cams[id] = &camera{status: bongsu.CameraStatus{ID: id, Name: a.Name, Model: a.Model, State: bongsu.CameraStarting, Since: v.now().UTC()}}
	}
	maps.DeleteFunc(v.cams, func(id bongsu.CameraID, _ *camera) bool { return !slices.Contains(order, id) })
}

func (v *view) name(id bongsu.CameraID) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.names[id]
}

func (v *view) has(id bongsu.CameraID) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.cams[id] != nil
}

// health takes a worker's report in and says whether a camera's state has changed.
func (v *view) health(worker, pid int, all []bongsu.CameraStatus, looks []link.Look) (news bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, s := range all {
		c := v.cams[s.ID]
		if c == nil {
			continue
		}
		if c.status.State != s.State || c.status.Code != s.Code {
			news = true
		}
		if len(s.Still) == 0 || len(s.Still) > bongsu.MaxSnapshotBytes {
			s.Still, s.StillAt = c.status.Still, c.status.StillAt
		}
		s.Name = c.status.Name
		if s.Model == "" {
			s.Model = c.status.Model
		}
		c.status, c.worker, c.pid = s, worker, pid
	}
	for _, l := range looks {
		if c := v.cams[l.Camera]; c != nil && c.worker == worker {
			c.look, c.lookAt = l.JPEG, l.At
		}
	}
	return news
}

// died marks the cameras of a worker that has ended.
func (v *view) died(cameras []bongsu.CameraID, why string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sums.deaths++
	v.fail(cameras, "worker-lost", "its worker process has ended and is started again: "+why)
	for _, id := range cameras {
		if c := v.cams[id]; c != nil {
			c.deaths++
		}
	}
}

// paused marks cameras whose worker is left alone for a while.
func (v *view) paused(cameras []bongsu.CameraID, why string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.fail(cameras, "worker-crashes", why)
}

func (v *view) fail(cameras []bongsu.CameraID, code, why string) {
	for _, id := range cameras {
		c := v.cams[id]
		if c == nil {
			continue
		}
		s := &c.status
		if s.State != bongsu.CameraFailed {
			s.Since = v.now().UTC()
		}
		s.State, s.Code, s.Reason, s.FPS, s.InferPS = bongsu.CameraFailed, code, why, 0, 0
		c.worker, c.pid = 0, 0
	}
}

// count takes a worker's counters in; each report is whole.
func (v *view) count(worker int, all []link.Counter) {
	now := make(map[metric]float64, len(all))
	for _, c := range all {
		now[metric{c.Name, c.Label, c.Camera, c.Gauge}] = c.Value
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.workers[worker] = now
}

// lostCounters adds what an ended worker counted to the past, so that counters never fall.
func (v *view) lostCounters(worker int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for m, n := range v.workers[worker] {
		if !m.gauge {
			v.past[m] += n
		}
	}
	delete(v.workers, worker)
}

// stored counts a revision and how long the outbox took, and how long ago its deciding frame's
// last packet came, when that is known.
func (v *view) stored(known bool, took, hop time.Duration, hopKnown bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if known {
		v.sums.known++
		return
	}
	v.sums.stored++
	if v.put != nil {
		v.put.Observe(took.Seconds())
		if hopKnown {
			v.hop.Observe(hop.Seconds())
		}
	}
}

func (v *view) refused() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sums.refused++
}

func (v *view) lost() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sums.lost++
}

func (v *view) unspooled() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sums.past++
}

func (v *view) housekeeping(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err == nil {
		v.stall = time.Time{}
	} else if v.house == nil {
		v.stall = v.now()
	}
	v.house = err
}

// Cameras gives how all cameras are, in the order of the configuration, with the newest still
// of each.
func (n *Node) Cameras() []bongsu.CameraStatus {
	v := &n.view
	v.mu.Lock()
	defer v.mu.Unlock()
	out := make([]bongsu.CameraStatus, 0, len(v.order))
	for _, id := range v.order {
		out = append(out, v.cams[id].status)
	}
	return out
}

// DebugCameras gives the same with what only this box's own page shows.
func (n *Node) DebugCameras() []obs.Camera {
	v := &n.view
	v.mu.Lock()
	defer v.mu.Unlock()
	out := make([]obs.Camera, 0, len(v.order))
	for _, id := range v.order {
		c := v.cams[id]
		out = append(out, obs.Camera{CameraStatus: c.status, Worker: c.worker, PID: c.pid, Deaths: c.deaths})
	}
	return out
}

// Frame gives the last picture of a camera with what was found drawn over it, as JPEG; nil
// when there is none.
func (n *Node) Frame(id bongsu.CameraID) (jpeg []byte, at time.Time) {
	v := &n.view
	v.mu.Lock()
	defer v.mu.Unlock()
	if c := v.cams[id]; c != nil {
		return c.look, c.lookAt
	}
	return nil, time.Time{}
}

// Health gives what keeps the edge from being well: the outbox's problems, and cameras that
// fail for a reason of ours. A camera that is offline does not make the edge unwell.
func (n *Node) Health() []obs.Reason {
	var out []obs.Reason
	for _, p := range n.opt.Outbox.Health() {
		out = append(out, obs.Reason{Code: p.Code, Message: p.Message, Since: p.Since})
	}
	v := &n.view
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.house != nil {
		out = append(out, obs.Reason{Code: "outbox", Message: v.house.Error(), Since: v.stall})
	}
	for _, id := range v.order {
		if s := v.cams[id].status; s.State == bongsu.CameraFailed {
			out = append(out, obs.Reason{Code: "camera-failed", Message: "camera " + string(id) + ": " + s.Reason, Since: s.Since})
		}
	}
	return out
}

// Upper bounds of the histograms, in seconds.
var (
	putBounds = []float64{0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5}
	hopBounds = []float64{0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1, 2, 5, 10}
)

// register puts the node's, the outbox's and the workers' metrics into r.
func (n *Node) register(r *obs.Registry) {
	n.view.put = r.Histogram("bongsu_outbox_put_seconds", "Time to make one revision of an event durable.", putBounds)
	n.view.hop = r.Histogram("bongsu_event_durable_seconds", "From the last packet of the deciding frame to the event durable on this box.", hopBounds)
	r.Collect(n.collectOwn)
	r.Collect(n.view.collectWorkers)
}

func (n *Node) collectOwn(emit func(obs.Sample)) {
	n.view.mu.Lock()
	s := n.view.sums
	states := map[bongsu.CameraState]int{}
	for _, c := range n.view.cams {
		states[c.status.State]++
	}
	n.view.mu.Unlock()
	c := n.opt.Outbox.Counts()
	for _, x := range []struct {
		name, help string
		kind       obs.Kind
		value      int64
		label      string
	}{
		{"bongsu_events_stored_total", "Revisions of events made durable.", obs.KindCounter, s.stored, ""},
		{"bongsu_events_known_total", "Revisions that a worker sent twice.", obs.KindCounter, s.known, ""},
		{"bongsu_events_refused_total", "Revisions that could not be stored as they were.", obs.KindCounter, s.refused, ""},
		{"bongsu_events_lost_total", "Revisions that the disk refused until their worker was gone.", obs.KindCounter, s.lost, ""},
		{"bongsu_events_unspooled_total", "Revisions sent to the cloud past a disk that refused them.", obs.KindCounter, s.past, ""},
		{"bongsu_worker_deaths_total", "Ends of worker processes that nobody asked for.", obs.KindCounter, s.deaths, ""},
		{"bongsu_outbox_events_total", "Revisions since the outbox was made.", obs.KindCounter, c.Events.Created, "state=created"},
		{"bongsu_outbox_events_total", "", obs.KindCounter, c.Events.Acked, "state=acknowledged"},
		{"bongsu_outbox_events_total", "", obs.KindCounter, c.Events.Damaged, "state=damaged"},
		{"bongsu_outbox_events_pending", "Revisions that the cloud does not have yet.", obs.KindGauge, c.Events.Pending, ""},
		{"bongsu_outbox_events_rejected", "Revisions that the cloud refused.", obs.KindGauge, c.Events.Rejected, ""},
		{"bongsu_outbox_clips_total", "Clip parts since the outbox was made.", obs.KindCounter, c.Clips.Created, "state=created"},
		{"bongsu_outbox_clips_total", "", obs.KindCounter, c.Clips.Acked, "state=acknowledged"},
		{"bongsu_outbox_clips_total", "", obs.KindCounter, c.Clips.Failed, "state=failed"},
		{"bongsu_clips_evicted_total", "Clip parts removed for lack of space before they were sent.", obs.KindCounter, c.Clips.Evicted, ""},
		{"bongsu_outbox_clips_pending", "Clip parts that the cloud does not have yet.", obs.KindGauge, c.Clips.Pending, ""},
		{"bongsu_outbox_clip_pending_bytes", "Bytes of clip parts that wait to be sent.", obs.KindGauge, c.Clips.PendingBytes, ""},
	} {
		emit(obs.Sample{Name: x.name, Help: x.help, Kind: x.kind, Value: float64(x.value), Labels: labels("", x.label)})
	}
	for _, st := range slices.Sorted(maps.Keys(states)) {
		emit(obs.Sample{Name: "bongsu_cameras", Help: "Cameras by state.", Kind: obs.KindGauge, Value: float64(states[st]), Labels: labels("", "state="+string(st))})
	}
}

// collectWorkers gives what workers count, those that have ended included.
func (v *view) collectWorkers(emit func(obs.Sample)) {
	v.mu.Lock()
	all := maps.Clone(v.past)
	for _, w := range v.workers {
		for m, n := range w {
			all[m] += n
		}
	}
	v.mu.Unlock()
	keys := slices.SortedFunc(maps.Keys(all), func(a, b metric) int {
		return strings.Compare(a.name+" "+string(a.camera)+" "+a.label, b.name+" "+string(b.camera)+" "+b.label)
	})
	for _, m := range keys {
		kind := obs.KindCounter
		if m.gauge {
			kind = obs.KindGauge
		}
		emit(obs.Sample{Name: m.name, Kind: kind, Value: all[m], Labels: labels(m.camera, m.label)})
	}
}

// labels makes a metric's labels of a camera and a "name=value".
func labels(camera bongsu.CameraID, label string) []obs.Label {
	var out []obs.Label
	if camera != "" {
		out = append(out, obs.Label{Name: "camera", Value: string(camera)})
	}
	if name, value, ok := strings.Cut(label, "="); ok && bongsu.ValidName(name) {
		out = append(out, obs.Label{Name: name, Value: value})
	}
	return out
}
