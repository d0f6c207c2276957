package ingest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/archive/sqlite"
	"bongsu/cloud/objects"
	"bongsu/cloud/objects/disk"
	"bongsu/cloud/queue/memq"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var t0 = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// world is an ingest on real stores, with two enrolled edges.
type world struct {
	*testing.T
	g       *Ingest
	mux     *http.ServeMux
	archive *sqlite.Archive
	queue   *memq.Queue
	objects *disk.Store
	dir     string
	now     time.Time
}

const (
	edgeA bongsu.EdgeID = "0190a000-0000-7000-8000-00000000000a"
	edgeB bongsu.EdgeID = "0190a000-0000-7000-8000-00000000000b"
)

func newWorld(t *testing.T) *world { return newWorldWith(t, Limits{}, memq.Options{}) }

func newWorldWith(t *testing.T, l Limits, q memq.Options) *world {
	t.Helper()
	w := &world{T: t, now: t0, dir: t.TempDir(), queue: memq.New(q), mux: http.NewServeMux()}
	var err error
	if w.archive, err = sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(w.dir, "a.db")}); err != nil {
		t.Fatal(err)
	}
	if w.objects, err = disk.Open(disk.Options{Dir: filepath.Join(w.dir, "objects"), Now: func() time.Time { return w.now }}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.archive.Close()
		w.objects.Close()
		w.queue.Close()
	})
	w.g = New(Options{Archive: w.archive, Queue: w.queue, Objects: w.objects, Now: func() time.Time { return w.now }, Limits: l})
	for _, r := range w.g.Routes() {
		w.mux.Handle(r.Pattern, r.Handler)
	}
	for _, id := range []bongsu.EdgeID{edgeA, edgeB} {
		if err := w.archive.PutEnrolToken(t.Context(), archive.EnrolToken{Hash: "t" + string(id), Created: t0, Expires: t0.Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		e := archive.Edge{ID: id, Name: string(id), CredentialHash: "c" + string(id), Enrolled: t0}
		if err := w.archive.Enrol(t.Context(), "t"+string(id), e, t0); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// send makes a request of an edge; "" is none.
func (w *world) send(edge bongsu.EdgeID, method, path string, body io.Reader, header ...string) *httptest.ResponseRecorder {
	w.Helper()
	r := httptest.NewRequest(method, path, body)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if edge != "" {
		r = r.WithContext(WithEdge(r.Context(), edge))
	}
	rec := httptest.NewRecorder()
	w.mux.ServeHTTP(rec, r)
	return rec
}

func (w *world) post(edge bongsu.EdgeID, path string, v any) *httptest.ResponseRecorder {
	w.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		w.Fatal(err)
	}
	return w.send(edge, http.MethodPost, path, bytes.NewReader(b))
}

// good reads a 2xx answer.
func good[T any](t *testing.T, rec *httptest.ResponseRecorder) T {
	t.Helper()
	var v T
	if rec.Code/100 != 2 {
		t.Fatalf("status %d: %s", rec.Code, rec.Body)
	}
	if rec.Body.Len() > 0 {
		if err := json.Unmarshal(rec.Body.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

// bad checks an answer's code and status and that its sentence holds the words.
func bad(t *testing.T, rec *httptest.ResponseRecorder, code bongsu.Code, words string) {
	t.Helper()
	var e bongsu.WireError
	if err := json.Unmarshal(rec.Body.Bytes(), &e); err != nil {
		t.Fatalf("status %d with body %q: %v", rec.Code, rec.Body, err)
	}
	if rec.Code != bongsu.HTTPStatus(code) || e.Error.Code != code || !strings.Contains(e.Error.Message, words) {
		t.Fatalf("status %d, %+v; want code %q and %q", rec.Code, e, code, words)
	}
}

func eventID(n int) bongsu.EventID {
	return bongsu.EventID(fmt.Sprintf("0190b000-0000-7000-8000-%012x", n))
}

func event(n, revision int) bongsu.Event {
	return bongsu.Event{
		ID: eventID(n), Revision: revision, Camera: "cam-1", CameraName: "정문", Rule: "zone_1", Kind: bongsu.KindIntrusion,
		Priority: bongsu.PriorityHigh, State: bongsu.EventOpen, Start: t0, Fired: t0.Add(time.Second),
		Clock: bongsu.Clock{WallQuality: "synchronised"}, Class: bongsu.ClassPerson, Score: 0.9,
		Box: bongsu.Box{X0: 0.1, Y0: 0.1, X1: 0.2, Y1: 0.5}, Zone: []bongsu.Point{{X: 0, Y: 0}, {X: 1, Y: 0}, {X: 1, Y: 1}},
		Model: bongsu.ModelRef{Name: "yolox", Version: "1"},
	}
}

func picture(t testing.TB, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio420), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestEveryRouteWantsAnEdge(t *testing.T) {
	w := newWorld(t)
	for _, r := range w.g.Routes() {
		method, path, _ := strings.Cut(r.Pattern, " ")
		rec := w.send("", method, strings.ReplaceAll(path, "{id}", "x"), strings.NewReader("{}"))
		bad(t, rec, bongsu.CodeUnauthorized, "credential")
	}
	if _, ok := EdgeFrom(WithEdge(t.Context(), "")); ok {
		t.Fatal("an empty edge counts as one")
	}
}

func TestCameras(t *testing.T) {
	w := newWorld(t)
	cam := bongsu.CameraStatus{ID: "cam-1", Name: "정문", State: bongsu.CameraLive, Since: t0, FPS: 15, Still: picture(t, 64, 48), StillAt: t0}
	good[any](t, w.post(edgeA, "/api/v1/edge/cameras", bongsu.CamerasRequest{Version: "1", At: t0, Cameras: []bongsu.CameraStatus{cam}}))
	got, err := w.archive.ListCameras(t.Context())
	if err != nil || len(got) != 1 || !got[0].HasStill {
		t.Fatalf("stored %+v, %v", got, err)
	}
	for name, c := range map[string]struct {
		change func(*bongsu.CameraStatus)
		code   bongsu.Code
		words  string
	}{
		"id":    {func(c *bongsu.CameraStatus) { c.ID = "../x" }, bongsu.CodeInvalid, "cannot be a name"},
		"state": {func(c *bongsu.CameraStatus) { c.State = "odd" }, bongsu.CodeInvalid, "none of"},
		"still": {func(c *bongsu.CameraStatus) { c.Still = []byte("GIF89a") }, bongsu.CodeInvalid, "JPEG"},
		"large": {func(c *bongsu.CameraStatus) { c.Still = make([]byte, bongsu.MaxSnapshotBytes+1) }, bongsu.CodeTooLarge, "65536"},
		"text":  {func(c *bongsu.CameraStatus) { c.Name = "a\nb" }, bongsu.CodeInvalid, "control"},
		"fps":   {func(c *bongsu.CameraStatus) { c.FPS = -1 }, bongsu.CodeInvalid, "negative"},
	} {
		t.Run(name, func(t *testing.T) {
			broken := cam
			c.change(&broken)
			bad(t, w.post(edgeA, "/api/v1/edge/cameras", bongsu.CamerasRequest{Cameras: []bongsu.CameraStatus{broken}}), c.code, c.words)
		})
	}
	bad(t, w.post(edgeA, "/api/v1/edge/cameras", bongsu.CamerasRequest{Cameras: []bongsu.CameraStatus{cam, cam}}), bongsu.CodeInvalid, "twice")
	bad(t, w.post(edgeA, "/api/v1/edge/cameras", bongsu.CamerasRequest{Cameras: make([]bongsu.CameraStatus, 257)}), bongsu.CodeTooLarge, "257")
	bad(t, w.post("0190a000-0000-7000-8000-0000000000ff", "/api/v1/edge/cameras", bongsu.CamerasRequest{}), bongsu.CodeUnauthorized, "enrol")
}

// count is how many objects lie in the store.
func (w *world) count() (n int) {
	w.Helper()
	if err := w.objects.List(w.Context(), "", func(objects.Info) error { n++; return nil }); err != nil {
		w.Fatal(err)
	}
	return n
}

// withEdge lets every request be edge A's.
func withEdge(w *world) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mux.ServeHTTP(rw, r.WithContext(WithEdge(r.Context(), edgeA)))
	})
}
