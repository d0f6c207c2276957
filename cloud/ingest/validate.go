package ingest

import (
	"bytes"
	"encoding/json"
	"image/jpeg"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"bongsu"
)

// Bounds of what an event may hold, beyond those of root wire.go.
const (
	maxRevision  = 1_000_000
	maxPoints    = 128
	maxReasons   = 64
	maxText      = 200
	maxPicturePx = 8192
	maxParts     = 100_000
	// slack lets boxes and points reach this far over the picture's edge, for rounding
	slack = 1e-3
	// ahead is how far an edge's clock may be before the cloud's, when it claims to be synchronised
	ahead = 24 * time.Hour
)

// problem says what is wrong with which field.
func problem(field, format string, args ...any) error {
	return bongsu.Errorf(bongsu.CodeInvalid, field+": "+format, args...)
}

// first gives the first error.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func require(ok bool, field, format string, args ...any) error {
	if ok {
		return nil
	}
	return problem(field, format, args...)
}

func name(field, s string) error {
	if err := bongsu.CheckName(s); err != nil {
		return problem(field, "%.300v", err)
	}
	return nil
}

// text is for what people read: bounded and without control characters.
func text(field, s string) error {
	return require(len(s) <= maxText && !strings.ContainsFunc(s, unicode.IsControl), field, "it must be text of at most %d bytes without control characters", maxText)
}

func oneOf[T ~string](field string, v T, allowed ...T) error {
	return require(slices.Contains(allowed, v), field, "%.40q is none of %q", string(v), allowed)
}

// readEvent decodes and checks one record of an edge at a time of the cloud's clock.
func readEvent(raw json.RawMessage, edge bongsu.EdgeID, now time.Time) (bongsu.EventRecord, error) {
	var rec bongsu.EventRecord
	if err := strict(raw, &rec); err != nil {
		return rec, err
	}
	ev := &rec.Event
	return rec, first(
		require(bongsu.ValidUUID(string(ev.ID)), "event.id", "it must be a UUID in lower-case text form"),
		require(ev.Revision >= 1 && ev.Revision <= maxRevision, "event.revision", "it must be from 1 to %d", maxRevision),
		require(ev.Edge == "" || ev.Edge == edge, "event.edge", "it names another edge than the credential does"),
		checkWords(ev),
		checkTimes(ev, now),
		checkPlaces(ev),
		checkModel(ev),
		checkJPEG("snapshot", rec.Snapshot),
	)
}

func checkWords(ev *bongsu.Event) error {
	return first(
		name("event.camera", string(ev.Camera)),
		text("event.camera_name", ev.CameraName),
		require(ev.Run == "" || bongsu.ValidUUID(string(ev.Run)), "event.run", "it must be a UUID in lower-case text form"),
		name("event.rule", string(ev.Rule)),
		name("event.kind", string(ev.Kind)),
		oneOf("event.priority", ev.Priority, bongsu.PriorityCritical, bongsu.PriorityHigh, bongsu.PriorityMedium, bongsu.PriorityLow),
		oneOf("event.state", ev.State, bongsu.EventOpen, bongsu.EventClosed),
		oneOf("event.close_reason", ev.CloseReason, "", bongsu.CloseEnded, bongsu.CloseInterrupted, bongsu.CloseRuleRemoved),
		oneOf("event.clock.wall_quality", ev.Clock.WallQuality, "synchronised", "unsynchronised", "unknown", ""),
		name("event.class", string(ev.Class)),
		text("event.direction", ev.Direction),
		text("event.rule_version", ev.RuleVersion),
		require(ev.ClipParts >= 0 && ev.ClipParts <= maxParts, "event.clip_parts", "it must be from 0 to %d", maxParts),
	)
}

// checkTimes refuses what cannot be. An edge whose clock is not set is believed in nothing but
// that its times can be stored: its events must not be lost for it.
func checkTimes(ev *bongsu.Event, now time.Time) error {
	for _, t := range []struct {
		field    string
		at       time.Time
		optional bool
	}{
		{"event.start", ev.Start, false},
		{"event.fired", ev.Fired, false},
		{"event.end", ev.End, true},
		{"event.clock.camera_claim", ev.Clock.CameraClaim, true},
	} {
		if err := checkTime(t.field, t.at, t.optional); err != nil {
			return err
		}
	}
	if ev.Clock.WallQuality == "synchronised" {
		if err := require(!ev.Fired.After(now.Add(ahead)), "event.fired", "it is more than %s ahead of the cloud's clock; set the edge's clock", ahead); err != nil {
			return err
		}
	}
	return first(
		require(!ev.Fired.Before(ev.Start), "event.fired", "it is before event.start"),
		require(ev.End.IsZero() || !ev.End.Before(ev.Start), "event.end", "it is before event.start"),
	)
}

func checkTime(field string, t time.Time, optional bool) error {
	if t.IsZero() {
		return require(optional, field, "it is missing")
	}
	return require(t.Year() >= 1970 && t.Year() < 2200, field, "the year %d cannot be", t.Year())
}

func inside(v float32) bool { return v >= -slack && v <= 1+slack }

func checkBox(field string, b bongsu.Box) error {
	ok := inside(b.X0) && inside(b.Y0) && inside(b.X1) && inside(b.Y1) && b.X0 <= b.X1 && b.Y0 <= b.Y1
	return require(ok, field, "a box lies in 0..1 with x0 ≤ x1 and y0 ≤ y1, this is %v", b)
}

func checkPoints(field string, points []bongsu.Point) error {
	for _, p := range points {
		if !inside(p.X) || !inside(p.Y) {
			return problem(field, "points lie in 0..1, this is %v", p)
		}
	}
	return require(len(points) <= maxPoints, field, "%d points, at most %d are allowed", len(points), maxPoints)
}

func checkPlaces(ev *bongsu.Event) error {
	for i, p := range ev.Trail {
		if err := first(checkBox("event.trail", p.Box), checkTime("event.trail", p.At, false)); err != nil || i >= bongsu.MaxTrail {
			return first(err, problem("event.trail", "%d points, at most %d are allowed", len(ev.Trail), bongsu.MaxTrail))
		}
	}
	for i := range ev.Frames {
		f := &ev.Frames[i]
		if err := first(
			require(len(ev.Frames) <= bongsu.MaxDecidingFrames, "event.frames", "%d pictures, at most %d are allowed", len(ev.Frames), bongsu.MaxDecidingFrames),
			checkTime("event.frames", f.At, false),
			checkBox("event.frames", f.Box),
			require(f.Score >= 0 && f.Score <= 1, "event.frames", "a score is from 0 to 1, this is %v", f.Score),
		); err != nil {
			return err
		}
	}
	for _, r := range ev.Reasons {
		if err := text("event.reasons", r.Name); err != nil {
			return err
		}
	}
	return first(
		checkBox("event.box", ev.Box),
		checkPoints("event.zone", ev.Zone),
		checkPoints("event.line", ev.Line),
		require(len(ev.Reasons) <= maxReasons, "event.reasons", "%d reasons, at most %d are allowed", len(ev.Reasons), maxReasons),
		require(ev.Score >= 0 && ev.Score <= 1, "event.score", "a score is from 0 to 1, this is %v", ev.Score),
	)
}

var hashForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

func checkModel(ev *bongsu.Event) error {
	return first(
		text("event.model.name", ev.Model.Name),
		text("event.model.version", ev.Model.Version),
		require(ev.Model.SHA256 == "" || hashForm.MatchString(ev.Model.SHA256), "event.model.sha256", "it must be 64 lower-case hex digits"),
	)
}

// checkJPEG looks at a picture's header and end. None is fine.
func checkJPEG(field string, b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if len(b) > bongsu.MaxSnapshotBytes {
		return bongsu.Errorf(bongsu.CodeTooLarge, "%s: %d bytes, at most %d are allowed", field, len(b), bongsu.MaxSnapshotBytes)
	}
	c, err := jpeg.DecodeConfig(bytes.NewReader(b))
	if err != nil || !bytes.HasSuffix(b, []byte{0xff, 0xd9}) {
		return problem(field, "it is no whole JPEG picture")
	}
	return require(c.Width <= maxPicturePx && c.Height <= maxPicturePx, field, "%d×%d px, at most %d a side are allowed", c.Width, c.Height, maxPicturePx)
}

// checkClip checks a clip's declaration.
func checkClip(c *bongsu.Clip) error {
	if c.Lost() {
		return checkLostClip(c)
	}
	return first(
		require(bongsu.ValidUUID(string(c.Event)), "clip.event", "it must be a UUID in lower-case text form"),
		require(c.Part >= 0 && c.Part < maxParts, "clip.part", "it must be from 0 to %d", maxParts-1),
		name("clip.camera", string(c.Camera)),
		oneOf("clip.state", c.State, bongsu.ClipReady, bongsu.ClipTorn, bongsu.ClipEvicted, bongsu.ClipFailed),
		require(hashForm.MatchString(c.SHA256), "clip.sha256", "it must be 64 lower-case hex digits"),
		require(c.Bytes >= 1, "clip.bytes", "it must be at least 1"),
		require(c.DurationUS >= 0 && c.Duration() <= time.Hour, "clip.duration_us", "it must be from 0 to one hour"),
		text("clip.codec", c.Codec),
		checkTime("clip.start", c.Start, false),
		tooLarge(c.Bytes),
	)
}

// checkLostClip checks a part that will never come: of one whose writer died little is known.
func checkLostClip(c *bongsu.Clip) error {
	return first(
		require(bongsu.ValidUUID(string(c.Event)), "clip.event", "it must be a UUID in lower-case text form"),
		require(c.Part >= 0 && c.Part < maxParts, "clip.part", "it must be from 0 to %d", maxParts-1),
		name("clip.camera", string(c.Camera)),
		require(c.SHA256 == "" || hashForm.MatchString(c.SHA256), "clip.sha256", "it must be 64 lower-case hex digits or absent"),
		require(c.Bytes >= 0, "clip.bytes", "it must not be negative"),
		require(c.DurationUS >= 0 && c.Duration() <= time.Hour, "clip.duration_us", "it must be from 0 to one hour"),
		text("clip.codec", c.Codec),
		checkTime("clip.start", c.Start, true),
	)
}

func tooLarge(n int64) error {
	if n > bongsu.MaxClipBytes {
		return bongsu.Errorf(bongsu.CodeTooLarge, "clip.bytes: %d, at most %d are allowed; make shorter parts", n, bongsu.MaxClipBytes)
	}
	return nil
}

// checkCameras checks an edge's report.
func checkCameras(r *bongsu.CamerasRequest, limit int) error {
	if len(r.Cameras) > limit {
		return bongsu.Errorf(bongsu.CodeTooLarge, "cameras: %d in one report, at most %d are allowed", len(r.Cameras), limit)
	}
	seen := map[bongsu.CameraID]bool{}
	for i := range r.Cameras {
		c := &r.Cameras[i]
		if err := checkCamera(c); err != nil {
			return bongsu.Errorf(bongsu.CodeOf(err), "cameras: %.64q: %v", string(c.ID), err)
		}
		if seen[c.ID] {
			return problem("cameras", "%q is there twice", c.ID)
		}
		seen[c.ID] = true
	}
	return text("version", r.Version)
}

func checkCamera(c *bongsu.CameraStatus) error {
	return first(
		name("id", string(c.ID)),
		text("name", c.Name),
		oneOf("state", c.State, bongsu.CameraStarting, bongsu.CameraLive, bongsu.CameraWaitingKey, bongsu.CameraOffline,
			bongsu.CameraBusy, bongsu.CameraDenied, bongsu.CameraFailed),
		text("code", c.Code),
		require(len(c.Reason) <= 1000, "reason", "it must be at most 1000 bytes"),
		text("codec", c.Codec),
		text("model", c.Model),
		require(c.FPS >= 0 && c.InferPS >= 0, "fps", "it cannot be negative"),
		require(c.Width >= 0 && c.Height >= 0, "width_px", "it cannot be negative"),
		checkJPEG("still", c.Still),
	)
}
