package demo

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"bongsu"
	"bongsu/models/nano"
)

// setupDesk is the page of the console on which a camera is set up.
type setupDesk struct {
	t    *testing.T
	page context.Context
}

func (d setupDesk) do(what string, steps ...step) {
	d.t.Helper()
	drive(d.t, d.page, what, steps...)
	shoot(d.t, d.page, what)
}

// ask is the value of an expression in the page.
func ask[T any](d setupDesk, expression string) T {
	d.t.Helper()
	v, err := chromedp.Run(d.page, chromedp.Evaluate[T](expression))
	if err != nil {
		d.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// retype makes text the whole of a field, as somebody does who selects all of it and types or pastes.
func retype(id, text string) step {
	return func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		for _, s := range []step{click(id), chromedp.KeyEvent("a", chromedp.KeyModifiers(chromedp.ModifierCtrl)), chromedp.SendKeys(hook(id), text)} {
			if _, err := s(ctx, target); err != nil {
				return chromedp.Void{}, err
			}
		}
		return chromedp.Void{}, nil
	}
}

func is(id, property, value string) step {
	return holds(fmt.Sprintf("document.querySelector('%s')?.%s === %q", hook(id), property, value))
}

// clickAt clicks places of the picture that is drawn on, in parts of its width and height.
func (d setupDesk) clickAt(points ...bongsu.Point) []step {
	d.t.Helper()
	r := ask[struct{ X, Y, Width, Height float64 }](d, fmt.Sprintf("(() => { const {x, y, width, height} = document.querySelector('%s').getBoundingClientRect(); return {x, y, width, height} })()", hook("board")))
	var out []step
	for _, p := range points {
		out = append(out, chromedp.MouseClickXY(r.X+float64(p.X)*r.Width, r.Y+float64(p.Y)*r.Height))
	}
	return out
}

func (d setupDesk) draw(what string, points ...bongsu.Point) {
	d.t.Helper()
	d.do(what, append(d.clickAt(points...), chromedp.KeyEvent(kb.Enter))...)
}

// boxed waits for a box around a person over the live picture.
var boxed = holds(`document.querySelector('[data-testid=live-box][data-class=person]') !== null`)

// setupPictures: the test is run for its pictures, over a rendered film.
var setupPictures = os.Getenv("BONGSU_SETUP_FILM") != ""

// yardZone is drawn around where the made-up person stands.
var yardZone = []bongsu.Point{{X: 0.15, Y: 0.3}, {X: 0.85, Y: 0.3}, {X: 0.9, Y: 0.95}, {X: 0.1, Y: 0.95}}

// TestCameraFromTheBrowser is somebody with a camera and a browser: the address is typed, a wrong one
// is explained, the picture comes, a zone is drawn on it by mouse, the camera comes alive with boxes
// and rings. No file on the box is touched. Then it is removed again.
func TestCameraFromTheBrowser(t *testing.T) {
	t.Parallel()
	model, show := setupFilm(t)
	s := startSystem(t, model)
	ctx := within(t, 6*time.Minute)
	shows := []Show{{ID: "yard", Name: "자재 야적장", File: show}}
	if err := s.StartCameras(ctx, shows, true); err != nil {
		t.Fatal(err)
	}
	if err := s.StartEdge(ctx, []Show{}); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(s.edgeConfig())
	if err != nil {
		t.Fatal(err)
	}
	s.waitForEdge(t, ctx)
	d := setupDesk{t, browser(t, 5*time.Minute)}
	drive(t, d.page, "sign in", append(signIn(s), there("calm"))...)
	began := time.Now()
	d.connect(s, shows[0].URL)
	d.drawZone()
	d.comesAlive()
	t.Logf("figure SETUP: from the page of cameras to the first alert %.1f s (promised 60 s), with every mistake that one can make on the way", time.Since(began).Seconds())
	s.hasZone(t, ctx, yardZone)
	d.boxesAreRemembered(s.ConsoleURL + s.cameraPage(t, ctx, "yard"))
	if after, err := os.ReadFile(s.edgeConfig()); err != nil || !bytes.Equal(before, after) {
		t.Errorf("edge.yaml was changed (%v)", err)
	}
	d.remove()
	eventually(t, ctx, "the camera is gone", func() (bool, string) {
		live, err := s.live(ctx)
		_, known := live["yard"]
		return err == nil && !known, fmt.Sprint(live, err)
	})
}

// setupFilm gives a model and a film in which it sees a person now and then. For pictures to be
// looked at BONGSU_SETUP_FILM names a rendered film (bongsu-edge scene render), which the model that
// comes with the program then looks at.
func setupFilm(t *testing.T) (model, file string) {
	t.Helper()
	if file = os.Getenv("BONGSU_SETUP_FILM"); file == "" {
		return tinyModel(t, "tiny", 0.9), film(t, "libx264", scene{3, false}, scene{6, true})
	}
	dir := t.TempDir()
	model = filepath.Join(dir, nano.Name+".onnx")
	for path, data := range map[string][]byte{model: nano.Model(), filepath.Join(dir, nano.Name+".yaml"): nano.Manifest()} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return model, file
}

// waitForEdge waits until the edge answers what the cloud asks it.
func (s *System) waitForEdge(t *testing.T, ctx context.Context) {
	t.Helper()
	eventually(t, ctx, "the edge can be asked", func() (bool, string) {
		_, err := s.setup(ctx)
		return err == nil, fmt.Sprint(err)
	})
}

type setupAnswer struct {
	Cameras []struct {
		ID      string
		Managed bool
		Rules   []struct {
			Kind string
			Zone [][2]float64
		}
	}
}

// setup asks the only edge for its cameras.
func (s *System) setup(ctx context.Context) (out setupAnswer, err error) {
	var page struct{ Edges []struct{ ID string } }
	if err := s.API(ctx, http.MethodGet, "/edges", nil, &page); err != nil {
		return out, err
	}
	if len(page.Edges) != 1 {
		return out, fmt.Errorf("%d edges, want one", len(page.Edges))
	}
	err = s.API(ctx, http.MethodGet, "/edges/"+page.Edges[0].ID+"/setup", nil, &out)
	return out, err
}

// connect opens the page and gives it the address: first one where nobody is, then one with a login
// in it, which the page takes out.
func (d setupDesk) connect(s *System, url string) {
	d.t.Helper()
	host := strings.TrimPrefix(url, "rtsp://")
	d.do("01 cameras", chromedp.Navigate(s.ConsoleURL+"/cameras"), there("camera-add"))
	d.do("02 add a camera", click("camera-add"), there("cam-url"), holds(fmt.Sprintf("!document.querySelector('%s').disabled", hook("cam-url"))))
	d.do("03 nobody answers", retype("cam-url", "rtsp://127.0.0.1:1/gate"), click("probe"), is("probe-outcome", "dataset.is", "bad"), is("probe-outcome", "dataset.code", "no-route"))
	d.do("04 a login in the address", retype("cam-url", "rtsp://viewer:s@crt@"+host), chromedp.KeyEvent(kb.Tab), there("login-moved"), is("cam-url", "value", url), is("cam-user", "value", "viewer"), is("cam-password", "value", "s@crt"))
	d.do("05 the picture", click("probe"), is("probe-outcome", "dataset.is", "good"), holds(fmt.Sprintf("document.querySelector('%s')?.naturalWidth > 0", hook("preview"))))
	if text := ask[string](d, fmt.Sprintf("document.querySelector('%s').textContent", hook("probe-outcome"))); !setupPictures && !strings.Contains(text, "H.264 · 320×240 · 초당 10장") {
		d.t.Errorf("the probe says %q", text)
	}
	d.do("06 name and model", click("next"), there("cam-name"), retype("cam-name", "자재 야적장"), is("cam-id", "value", "yard"), click("next"), there("board"))
}

// drawZone draws a zone that crosses itself, sees that said, takes it back and draws a good one.
func (d setupDesk) drawZone() {
	d.t.Helper()
	d.do("07 a rule", click("add-intrusion"), is("board", "dataset.drawing", "true"))
	d.draw("08 a zone that crosses itself", yardZone[0], yardZone[2], yardZone[1], yardZone[3])
	d.do("09 the words for it", is("draw-hint", "dataset.flaw", "crosses"))
	d.do("10 taken back", click("draw-again"), is("board", "dataset.drawing", "true"))
	d.draw("11 a good zone", yardZone...)
	d.do("12 ready", is("board", "dataset.drawing", "false"), holds(fmt.Sprintf("document.querySelector('%s').dataset.flaw === undefined", hook("draw-hint"))),
		holds(fmt.Sprintf("document.querySelectorAll('%s').length === 4", hook("corner"))))
}

// comesAlive saves, and watches the camera come alive until its first alert, which is opened.
func (d setupDesk) comesAlive() {
	d.t.Helper()
	d.do("13 saved", click("save"), there("alive"))
	d.do("14 live", is("alive-live", "dataset.is", "yes"), is("alive-picture", "dataset.is", "yes"))
	d.do("15 boxes", boxed, there("seen-zone"))
	if !setupPictures {
		d.boxesFit()
	}
	d.do("16 the first alert", is("alive-alert", "dataset.is", "yes"), there("see-alert"))
	d.do("17 opened", click("see-alert"), there("queue-card"), there("why"))
}

// boxesFit holds that no box was ever drawn on a dark picture, in which the model sees nobody: it
// reads the brightness of the picture on screen along with the boxes over it, for some seconds.
func (d setupDesk) boxesFit() {
	d.t.Helper()
	type seen struct{ Lit, Boxed, Wrong int }
	got, err := chromedp.Run(d.page, chromedp.Evaluate[seen]("("+watchBoxes+")()", chromedp.EvalAwaitPromise))
	if err != nil {
		d.t.Fatal(err)
	}
	// At a change of light a box may be held for what it is from the picture that was looked at.
	if got.Lit < 5 || got.Boxed < 3 || got.Wrong > 6 {
		d.t.Errorf("over bright and dark pictures: %+v; want boxes over bright ones, and none over dark ones but right after a change", got)
	}
}

// watchBoxes counts bright pictures, those among them with a box, and dark ones with a box.
const watchBoxes = `async () => {
	const video = document.querySelector('[data-testid=live] video');
	const canvas = document.createElement('canvas');
	canvas.width = canvas.height = 8;
	const g = canvas.getContext('2d', { willReadFrequently: true });
	const out = { Lit: 0, Boxed: 0, Wrong: 0 };
	const end = performance.now() + 6500;
	await new Promise((done) => {
		const timer = setTimeout(done, 9000);
		const next = () => requestAnimationFrame(() => {
			g.drawImage(video, 0, 0, 8, 8);
			const lit = g.getImageData(4, 4, 1, 1).data[0] > 120;
			const boxed = document.querySelector('[data-testid=live-box]') !== null;
			if (lit) out.Lit++;
			if (lit && boxed) out.Boxed++;
			if (!lit && boxed) out.Wrong++;
			if (performance.now() > end || document.querySelector('[data-testid=live] video') === null) { clearTimeout(timer); done(); } else video.requestVideoFrameCallback(next);
		});
		video.requestVideoFrameCallback(next);
	});
	return out;
}`

// hasZone holds that the edge has what was drawn.
func (s *System) hasZone(t *testing.T, ctx context.Context, want []bongsu.Point) {
	t.Helper()
	got, err := s.setup(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Cameras) != 1 || !got.Cameras[0].Managed || len(got.Cameras[0].Rules) != 1 || len(got.Cameras[0].Rules[0].Zone) != len(want) {
		t.Fatalf("the edge has %+v; want one camera of the browser with one rule", got)
	}
	for i, p := range got.Cameras[0].Rules[0].Zone {
		if math.Abs(p[0]-float64(want[i].X)) > 0.01 || math.Abs(p[1]-float64(want[i].Y)) > 0.01 {
			t.Errorf("point %d is at %v, drawn at %v", i, p, want[i])
		}
	}
}

// boxesAreRemembered switches them on on the camera's page, and finds them on after it is loaded anew.
func (d setupDesk) boxesAreRemembered(address string) {
	d.t.Helper()
	d.do("18 the camera's page", chromedp.Navigate(address), there("show-boxes"), is("show-boxes", "ariaPressed", "false"))
	d.do("19 with boxes", click("show-boxes"), boxed, there("seen-zone"))
	d.do("20 after a reload", chromedp.Reload(), there("show-boxes"), is("show-boxes", "ariaPressed", "true"), boxed)
}

// remove takes the camera away, having been told what is lost.
func (d setupDesk) remove() {
	d.t.Helper()
	d.do("21 its set-up", click("to-setup"), there("camera-remove"))
	d.do("22 what is lost", click("camera-remove"), holds(fmt.Sprintf("document.querySelector('%s')?.open === true", hook("remove"))))
	if text := ask[string](d, fmt.Sprintf("document.querySelector('%s').textContent", hook("remove"))); !strings.Contains(text, "자재 야적장") || !strings.Contains(text, "intrusion") || !strings.Contains(text, "비밀번호") {
		d.t.Errorf("the question before removing says %q: want the camera, its rule and its password named", text)
	}
	d.do("23 removed", click("remove-yes"), there("toast"), there("camera-add"))
}
