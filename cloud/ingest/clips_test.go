package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/queue/memq"
)

const clipsPath = "/api/v1/edge/clips"

func clip(b []byte) bongsu.Clip {
	h := sha256.Sum256(b)
	return bongsu.Clip{
		Event: eventID(1), Part: 0, Camera: "cam-1", State: bongsu.ClipReady, SHA256: hex.EncodeToString(h[:]), Bytes: int64(len(b)),
		Codec: "avc1.64001f", Start: t0, DurationUS: 5_000_000,
	}
}

func (w *world) declare(c bongsu.Clip) bongsu.ClipResponse {
	w.Helper()
	return good[bongsu.ClipResponse](w.T, w.post(edgeA, clipsPath, bongsu.ClipRequest{Clip: c}))
}

func (w *world) upload(d bongsu.ClipResponse, offset int64, r io.Reader) *httptest.ResponseRecorder {
	w.Helper()
	return w.send(edgeA, d.Method, d.URL, r, offsetHeader, strconv.FormatInt(offset, 10))
}

func (w *world) complete(d bongsu.ClipResponse) *httptest.ResponseRecorder {
	w.Helper()
	return w.send(edgeA, "POST", clipsPath+"/"+d.ID+"/complete", nil)
}

func TestClipFlow(t *testing.T) {
	w := newWorld(t)
	b := bytes.Repeat([]byte("moof"), 50_000)
	c := clip(b)
	d := w.declare(c)
	if d.Done || d.Method != "PUT" || d.URL != clipsPath+"/"+d.ID+"/data" || d.Offset != 0 {
		t.Fatalf("declared %+v", d)
	}
	rec := w.upload(d, 0, io.MultiReader(bytes.NewReader(b[:70_000]), iotest.ErrReader(errors.New("cut"))))
	if rec.Code/100 == 2 || rec.Header().Get(offsetHeader) != "70000" {
		t.Fatalf("a cut upload: status %d, offset %q", rec.Code, rec.Header().Get(offsetHeader))
	}
	bad(t, w.complete(d), bongsu.CodeConflict, "70000 of 200000")
	if d = w.declare(c); d.Offset != 70_000 {
		t.Fatalf("declared again: %+v", d)
	}
	rec = w.upload(d, 0, bytes.NewReader(b))
	bad(t, rec, bongsu.CodeConflict, "send from 70000")
	if rec.Header().Get(offsetHeader) != "70000" {
		t.Fatalf("the right offset is not told: %q", rec.Header().Get(offsetHeader))
	}
	if rec = w.upload(d, 70_000, bytes.NewReader(b[70_000:])); rec.Code != 204 || rec.Header().Get(offsetHeader) != "200000" {
		t.Fatalf("status %d, offset %q: %s", rec.Code, rec.Header().Get(offsetHeader), rec.Body)
	}
	if row, err := w.archive.GetClip(t.Context(), c.Key()); err != nil || row.Complete() || row.Object != "" {
		t.Fatalf("before completion: %+v, %v", row, err)
	}
	for range 2 { // the second as after a lost reply
		if got := good[bongsu.ClipResponse](t, w.complete(d)); !got.Done {
			t.Fatalf("completed %+v", got)
		}
	}
	row, err := w.archive.GetClip(t.Context(), c.Key())
	if err != nil || !row.Complete() {
		t.Fatalf("after completion: %+v, %v", row, err)
	}
	if err := w.objects.Verify(t.Context(), row.Object); err != nil {
		t.Fatal(err)
	}
	if d = w.declare(c); !d.Done {
		t.Fatalf("declared after completion: %+v", d)
	}
	if rec := w.send(edgeA, "PUT", clipsPath+"/"+d.ID+"/data", strings.NewReader("x"), offsetHeader, "0"); rec.Code != 204 || rec.Header().Get(offsetHeader) != "200000" {
		t.Fatalf("upload after completion: status %d", rec.Code)
	}
}

func TestClipWrongHash(t *testing.T) {
	w := newWorld(t)
	b := []byte("the right bytes")
	c := clip(b)
	d := w.declare(c)
	if rec := w.upload(d, 0, strings.NewReader("the wrong bytes")); rec.Code != 204 {
		t.Fatalf("status %d: %s", rec.Code, rec.Body)
	}
	bad(t, w.complete(d), bongsu.CodeHashMismatch, "nothing was kept")
	if row, err := w.archive.GetClip(t.Context(), c.Key()); err != nil || row.Complete() || w.count() != 0 {
		t.Fatalf("kept: row %+v, %v, %d objects", row, err, w.count())
	}
	if d = w.declare(c); d.Offset != 0 {
		t.Fatalf("declared again: %+v", d)
	}
	w.upload(d, 0, bytes.NewReader(b))
	good[any](t, w.complete(d))
}

func TestClipTooMuch(t *testing.T) {
	w := newWorld(t)
	d := w.declare(clip([]byte("four")))
	bad(t, w.upload(d, 0, strings.NewReader("fourteen")), bongsu.CodeTooLarge, "4")
	big := clip([]byte("x"))
	big.Bytes = bongsu.MaxClipBytes + 1
	bad(t, w.post(edgeA, clipsPath, bongsu.ClipRequest{Clip: big}), bongsu.CodeTooLarge, "shorter parts")
}

func TestBadClips(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		change func(*bongsu.Clip)
		words  string
	}{
		"event":    {func(c *bongsu.Clip) { c.Event = "../x" }, "clip.event"},
		"part":     {func(c *bongsu.Clip) { c.Part = -1 }, "clip.part"},
		"camera":   {func(c *bongsu.Clip) { c.Camera = "" }, "clip.camera"},
		"state":    {func(c *bongsu.Clip) { c.State = bongsu.ClipWriting }, "clip.state"},
		"hash":     {func(c *bongsu.Clip) { c.SHA256 = "../../x" }, "clip.sha256"},
		"bytes":    {func(c *bongsu.Clip) { c.Bytes = 0 }, "clip.bytes"},
		"duration": {func(c *bongsu.Clip) { c.DurationUS = -1 }, "clip.duration_us"},
		"start":    {func(c *bongsu.Clip) { c.Start = time.Time{} }, "clip.start"},
		"codec":    {func(c *bongsu.Clip) { c.Codec = "a\r\nX: y" }, "clip.codec"},
	} {
		t.Run(name, func(t *testing.T) {
			broken := clip([]byte("x"))
			c.change(&broken)
			bad(t, w.post(edgeA, clipsPath, bongsu.ClipRequest{Clip: broken}), bongsu.CodeInvalid, c.words)
		})
	}
	bad(t, w.send(edgeA, "POST", clipsPath, strings.NewReader(`{"clip":{},"x":1}`)), bongsu.CodeInvalid, "x")
	d := w.declare(clip([]byte("x")))
	for _, offset := range []string{"", "-1", "two", "2"} {
		bad(t, w.send(edgeA, "PUT", d.URL, strings.NewReader("x"), offsetHeader, offset), bongsu.CodeInvalid, offsetHeader)
	}
	for _, id := range []string{"x", d.ID + "0", strings.Replace(d.ID, "-0-", "-1-", 1), "0190b000-0000-7000-8000-000000000001--1-x"} {
		if rec := w.send(edgeA, "POST", clipsPath+"/"+id+"/complete", nil); rec.Code != 404 && rec.Code != 409 {
			t.Errorf("id %q: status %d", id, rec.Code)
		}
	}
	bad(t, w.send(edgeB, "PUT", d.URL, strings.NewReader("x"), offsetHeader, "0"), bongsu.CodeNotFound, "this edge")
	bad(t, w.send(edgeB, "POST", clipsPath+"/"+d.ID+"/complete", nil), bongsu.CodeNotFound, "this edge")
}

// TestClipLost: a part that will never come is said so, and is no part that is on its way.
func TestClipLost(t *testing.T) {
	w := newWorld(t)
	c := clip([]byte("never"))
	w.declare(c)
	for _, lost := range []bongsu.Clip{{Event: c.Event, Part: c.Part, Camera: c.Camera, State: bongsu.ClipFailed}, c} {
		lost.State = bongsu.ClipEvicted
		if d := good[bongsu.ClipResponse](t, w.post(edgeA, clipsPath, bongsu.ClipRequest{Clip: lost})); !d.Done || d.URL != "" {
			t.Errorf("%+v", d)
		}
	}
	bad(t, w.post(edgeA, clipsPath, bongsu.ClipRequest{Clip: bongsu.Clip{Event: c.Event, Camera: c.Camera, State: bongsu.ClipEvicted, Bytes: -1}}),
		bongsu.CodeInvalid, "clip.bytes")
}

func TestClipDeclaredAnew(t *testing.T) {
	w := newWorld(t)
	old := w.declare(clip([]byte("torn")))
	w.upload(old, 0, strings.NewReader("torn"))
	salvaged := clip([]byte("salvaged"))
	d := w.declare(salvaged)
	bad(t, w.complete(old), bongsu.CodeConflict, "declared anew")
	bad(t, w.upload(old, 0, strings.NewReader("torn")), bongsu.CodeConflict, "declared anew")
	w.upload(d, 0, strings.NewReader("salvaged"))
	good[any](t, w.complete(d))
	bad(t, w.post(edgeA, clipsPath, bongsu.ClipRequest{Clip: clip([]byte("torn"))}), bongsu.CodeConflict, "cannot be replaced")
}

// TestClipCrash cuts between the object and its row (R19): the next declaration or completion
// joins them; the row never came first.
func TestClipCrash(t *testing.T) {
	for _, again := range []string{"declare", "complete"} {
		w := newWorld(t)
		c := clip([]byte("the bytes"))
		d := w.declare(c)
		w.upload(d, 0, strings.NewReader("the bytes"))
		w.g.archive = cutArchive{w.g.archive}
		if rec := w.complete(d); rec.Code/100 == 2 {
			t.Fatal("completed without a row")
		}
		w.g.archive = w.archive
		if row, err := w.archive.GetClip(t.Context(), c.Key()); err != nil || row.Complete() || w.count() != 1 {
			t.Fatalf("after the cut: %+v, %v, %d objects", row, err, w.count())
		}
		if again == "declare" {
			d = w.declare(c)
		} else {
			d = good[bongsu.ClipResponse](t, w.complete(d))
		}
		if row, err := w.archive.GetClip(t.Context(), c.Key()); err != nil || !row.Complete() || !d.Done {
			t.Fatalf("%s again: %+v, %v, %+v", again, row, err, d)
		}
	}
}

// cutArchive is an archive whose process dies when a clip is to be completed.
type cutArchive struct{ Archive }

func (cutArchive) CompleteClip(context.Context, bongsu.EdgeID, bongsu.ClipKey, string, time.Time) (archive.ClipRow, error) {
	return archive.ClipRow{}, errors.New("cut")
}

func TestInternalErrorsStayInside(t *testing.T) {
	w := newWorld(t)
	d := w.declare(clip([]byte("x")))
	w.upload(d, 0, strings.NewReader("x"))
	w.g.archive = cutArchive{w.g.archive}
	rec := w.complete(d)
	bad(t, rec, bongsu.CodeInternal, "log")
	if strings.Contains(rec.Body.String(), "cut") {
		t.Fatalf("the cause is shown: %s", rec.Body)
	}
}

// TestRunEndsAndSweeps: Run publishes what is old and ends with its context; uploads nobody goes
// on with are aborted.
func TestRunEndsAndSweeps(t *testing.T) {
	w := newWorldWith(t, Limits{}, memq.Options{})
	w.events(edgeA, bongsu.EventRecord{Event: event(1, 1)})
	d, err := w.queue.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d.Ack(t.Context()) // lost by the queue: acked, not applied
	c := w.declare(clip([]byte("half done")))
	w.upload(c, 0, strings.NewReader("half"))
	w.now = time.Now().Add(2 * time.Hour) // uploads are stamped by the file system
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.g.Run(ctx) }()
	if d, err = w.queue.Receive(t.Context()); err != nil || d.Message().Key.ID != eventID(1) {
		t.Fatalf("%v, %v", d, err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	w.g.abort(t.Context(), w.now)
	if again := w.declare(clip([]byte("half done"))); again.Offset != 0 {
		t.Fatalf("the upload was not aborted: %+v", again)
	}
}

// TestOverTheWire drives a real server: deadlines and slow bodies.
func TestOverTheWire(t *testing.T) {
	w := newWorldWith(t, Limits{Idle: time.Second}, memq.Options{})
	d := w.declare(clip([]byte("12345678")))
	srv := httptest.NewUnstartedServer(nil)
	srv.Config.Handler = withEdge(w)
	srv.Start()
	defer srv.Close()
	pr, pw := io.Pipe()
	defer pw.Close()
	req := httptest.NewRequest("PUT", srv.URL+d.URL, pr)
	req.RequestURI = ""
	req.Header.Set(offsetHeader, "0")
	go pw.Write([]byte("1234")) // and then nothing
	resp, err := srv.Client().Do(req)
	if err == nil {
		resp.Body.Close()
		if resp.StatusCode/100 == 2 {
			t.Fatalf("a body that stalls was taken: %s", resp.Status)
		}
	}
	deadline := time.Now().Add(time.Minute)
	for w.declare(clip([]byte("12345678"))).Offset != 4 {
		if time.Now().After(deadline) {
			t.Fatal("the bytes that came are not held")
		}
	}
}
