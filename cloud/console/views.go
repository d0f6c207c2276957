package console

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
)

// EdgeSilentAfter is how long after its last report an edge counts as offline.
const EdgeSilentAfter = 15 * time.Second

// UserView is a user as others may see it.
type UserView struct {
	Username string       `json:"username"`
	Name     string       `json:"name"`
	Role     archive.Role `json:"role"`
}

// AccountView is a user in the admin's list.
type AccountView struct {
	UserView
	Created  time.Time `json:"created"`
	Disabled bool      `json:"disabled"`
}

// EdgeView is an edge in the admin's list.
type EdgeView struct {
	ID       bongsu.EdgeID  `json:"id"`
	Name     string         `json:"name"`
	Enrolled time.Time      `json:"enrolled"`
	LastSeen time.Time      `json:"last_seen,omitzero"`
	Online   bool           `json:"online"`
	Disabled bool           `json:"disabled"`
	Version  string         `json:"version,omitempty"`
	Pending  bongsu.Backlog `json:"pending"`
}

// CameraView is a camera as its edge last reported it, or as offline when the edge is silent.
type CameraView struct {
	Edge       bongsu.EdgeID      `json:"edge"`
	EdgeName   string             `json:"edge_name"`
	EdgeOnline bool               `json:"edge_online"`
	ID         bongsu.CameraID    `json:"id"`
	Name       string             `json:"name"`
	State      bongsu.CameraState `json:"state"`
	Code       string             `json:"code,omitempty"`
	Reason     string             `json:"reason,omitempty"`
	Since      time.Time          `json:"since"`
	FPS        float64            `json:"fps"`
	InferPS    float64            `json:"infer_ps"`
	Width      int                `json:"width_px"`
	Height     int                `json:"height_px"`
	Codec      string             `json:"codec,omitempty"`
	Model      string             `json:"model,omitempty"`
	StillAt    time.Time          `json:"still_at,omitzero"`
	HasStill   bool               `json:"has_still"`
	LastReport time.Time          `json:"last_report"`
}

// AlertView is an alert as the API gives it.
type AlertView struct {
	bongsu.Alert
	Experimental bool   `json:"experimental,omitempty"` // the kind is: it is to be said where it is named
	EdgeName     string `json:"edge_name"`
	SnapshotURL  string `json:"snapshot_url,omitempty"` // of the first event
	ClipParts    int    `json:"clip_parts"`             // of the first event that can be played
}

// AlertDetail is an alert with what hangs on it.
type AlertDetail struct {
	AlertView
	EventList []EventView   `json:"event_list"` // oldest first; at most 200: the first and the latest
	History   []HistoryView `json:"history"`    // oldest first, without mere revisions of events
}

// HistoryView is one step of an alert's life.
type HistoryView struct {
	At        time.Time        `json:"at"`
	Actor     string           `json:"actor"` // "" is the system
	ActorName string           `json:"actor_name,omitempty"`
	Action    string           `json:"action"`
	From      bongsu.WorkState `json:"from"`
	To        bongsu.WorkState `json:"to"`
	Verdict   bongsu.Verdict   `json:"verdict,omitempty"`
	Note      string           `json:"note,omitempty"`
}

// EventView is an event at its latest revision as the API gives it.
type EventView struct {
	bongsu.Event
	Experimental bool           `json:"experimental,omitempty"` // the kind is: it is to be said where it is named
	EdgeName     string         `json:"edge_name"`
	Received     time.Time      `json:"received"`
	Alert        bongsu.AlertID `json:"alert,omitempty"`
	Verdict      bongsu.Verdict `json:"verdict,omitempty"`
	SnapshotURL  string         `json:"snapshot_url,omitempty"`
	Clips        []ClipView     `json:"clips"`
}

// ClipView is one part of an event's clip. A part that is declared but has not arrived whole is
// in state writing and has no URL.
type ClipView struct {
	Part       int              `json:"part"`
	State      bongsu.ClipState `json:"state"`
	Bytes      int64            `json:"bytes"`
	Start      time.Time        `json:"start"`
	DurationUS int64            `json:"duration_us"`
	Codec      string           `json:"codec,omitempty"`
	SHA256     string           `json:"sha256,omitempty"`
	Tainted    bool             `json:"tainted,omitempty"`
	URL        string           `json:"url,omitempty"`
}

// RevisionView is one kept revision of an event.
type RevisionView struct {
	bongsu.Event
	Received time.Time `json:"received"`
	Applied  time.Time `json:"applied"`
}

func userView(u archive.User) UserView {
	return UserView{Username: u.Username, Name: u.Name, Role: u.Role}
}

// edgeNames maps IDs to the names that people gave.
type edgeNames map[bongsu.EdgeID]string

func (n edgeNames) of(id bongsu.EdgeID) string {
	if s := n[id]; s != "" {
		return s
	}
	return string(id)
}

func (c *Console) edgeNames(ctx context.Context) (edgeNames, error) {
	edges, err := c.archive.ListEdges(ctx)
	names := make(edgeNames, len(edges))
	for _, e := range edges {
		names[e.ID] = e.Name
	}
	return names, err
}

func alertView(a archive.AlertRow, names edgeNames) AlertView {
	v := AlertView{Alert: a.Alert, Experimental: a.Kind.Experimental(), EdgeName: names.of(a.Edge), ClipParts: a.ClipParts}
	if a.Snapshot {
		v.SnapshotURL = snapshotURL(a.Event)
	}
	if v.Events == nil {
		v.Events = []bongsu.EventID{}
	}
	return v
}

func eventView(e archive.EventRow, names edgeNames) EventView {
	v := EventView{
		Event: e.Event, Experimental: e.Kind.Experimental(), EdgeName: names.of(e.Edge), Received: e.Received,
		Alert: e.Alert, Verdict: e.Verdict, Clips: []ClipView{},
	}
	if e.Snapshot != nil {
		v.SnapshotURL = snapshotURL(e.ID)
	}
	for _, row := range e.Clips {
		v.Clips = append(v.Clips, clipView(row))
	}
	return v
}

func clipView(row archive.ClipRow) ClipView {
	v := ClipView{
		Part: row.Part, State: row.State, Bytes: row.Bytes, Start: row.Start, DurationUS: row.DurationUS,
		Codec: row.Codec, SHA256: row.SHA256, Tainted: row.Tainted,
	}
	if row.Complete() {
		v.URL = eventURL(row.Event) + "/clips/" + strconv.Itoa(row.Part)
	} else if !row.Lost() {
		v.State = bongsu.ClipWriting
	}
	return v
}

func eventURL(id bongsu.EventID) string { return "/api/v1/events/" + url.PathEscape(string(id)) }

func snapshotURL(id bongsu.EventID) string { return eventURL(id) + "/snapshot" }

// cameraViews reads all cameras as they are now. An edge that is silent makes its cameras
// offline: what is stale is never shown as live.
func (c *Console) cameraViews(ctx context.Context) ([]CameraView, error) {
	rows, err := c.archive.ListCameras(ctx)
	if err != nil {
		return nil, err
	}
	names, err := c.edgeNames(ctx)
	if err != nil {
		return nil, err
	}
	views := make([]CameraView, len(rows))
	for i, row := range rows {
		views[i] = cameraView(row, names, c.now())
	}
	return views, nil
}

func cameraView(row archive.Camera, names edgeNames, now time.Time) CameraView {
	v := CameraView{
		Edge: row.Edge, EdgeName: names.of(row.Edge), EdgeOnline: now.Sub(row.Reported) <= EdgeSilentAfter,
		ID: row.ID, Name: row.Name, State: row.State, Code: row.Code, Reason: row.Reason, Since: row.Since,
		FPS: row.FPS, InferPS: row.InferPS, Width: row.Width, Height: row.Height,
		Codec: row.Codec, Model: row.Model, StillAt: row.StillAt, HasStill: row.HasStill, LastReport: row.Reported,
	}
	if !v.EdgeOnline {
		v.State, v.Code, v.Since = bongsu.CameraOffline, "edge-silent", row.Reported
		v.Reason = "the edge has not reported: check its power and network"
		v.FPS, v.InferPS = 0, 0
	}
	return v
}
