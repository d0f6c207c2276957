package demo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// album keeps pictures of a page and how long each is to be shown, in the form that FFmpeg's concat
// demuxer reads.
type album struct {
	dir  string
	list strings.Builder
	n    int
}

// shoot takes a picture that is shown for d.
func (a *album) shoot(t *testing.T, page context.Context, d time.Duration) {
	t.Helper()
	png, err := chromedp.Run(page, chromedp.CaptureScreenshot())
	name := fmt.Sprintf("%03d.png", a.n)
	if err == nil {
		err = os.WriteFile(filepath.Join(a.dir, name), png, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	a.n++
	fmt.Fprintf(&a.list, "file %s\nduration %.3f\n", name, d.Seconds())
}

// film takes a picture at each of n places of the evidence clip, a step apart: what moves in it moves
// at its own pace, however slow the machine is that takes the pictures.
func (a *album) film(t *testing.T, page context.Context, from, step time.Duration, n int) {
	t.Helper()
	for i := range n {
		at := (from + time.Duration(i)*step).Seconds()
		seek := fmt.Sprintf(`new Promise((done) => { const v = document.querySelector('[data-testid=evidence-video]'); v.pause();
			v.addEventListener('seeked', () => requestAnimationFrame(() => requestAnimationFrame(() => done(true))), { once: true }); v.currentTime = %.3f; })`, at)
		if _, err := chromedp.Run(page, chromedp.Evaluate[bool](seek, chromedp.EvalAwaitPromise)); err != nil {
			t.Fatalf("the clip does not go to %.1f s: %v", at, err)
		}
		a.shoot(t, page, step)
	}
}

// sees waits until an expression is true in the page, for as long as ctx allows.
func sees(t *testing.T, ctx, page context.Context, expression string) {
	t.Helper()
	eventually(t, ctx, expression, func() (bool, string) {
		ok, err := chromedp.Run(page, chromedp.Evaluate[bool](expression))
		return err == nil && ok, fmt.Sprint(ok, err)
	})
}

// seesHook waits until the page has an element.
func seesHook(t *testing.T, ctx, page context.Context, id string) {
	t.Helper()
	sees(t, ctx, page, fmt.Sprintf("document.querySelector('%s') !== null", hook(id)))
}

// TestAnimation takes the pictures of the README's animation: an alert of a rendered camera comes up,
// is looked at, claimed and judged. docs/screenshots/animation.sh calls it and joins them.
func TestAnimation(t *testing.T) {
	dir := os.Getenv("BONGSU_ANIMATION")
	if dir == "" {
		t.Skip("BONGSU_ANIMATION is not set: docs/screenshots/animation.sh sets it")
	}
	ctx := within(t, 10*time.Minute)
	s := NewSystem(bin, t.TempDir(), "127.0.0.1:0")
	s.Defaults = demoDefaults
	t.Cleanup(s.Stop)
	if err := s.StartCloud(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.MakeAccounts(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.prepareModel(ctx, &Options{Model: os.Getenv("MODEL"), Out: os.Stderr}); err != nil {
		t.Fatal(err)
	}
	var quiet []part // and the yard
	for _, p := range story {
		if p.rings == "" || p.id == "yard" {
			quiet = append(quiet, p)
		}
	}
	all, err := showsOf(quiet)
	if err != nil {
		t.Fatal(err)
	}
	served, err := s.StartScenes(all, "", 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	all = all[:0]
	for show := range served {
		all = append(all, show)
	}
	page := browser(t, 10*time.Minute)
	a := &album{dir: dir}
	drive(t, page, "open the console", chromedp.EmulateViewport(1280, 720), chromedp.Navigate(s.ConsoleURL+"/"))
	seesHook(t, ctx, page, "login-user")
	drive(t, page, "sign in", chromedp.SendKeys(hook("login-user"), s.User), chromedp.SendKeys(hook("login-password"), s.Password), click("login-submit"))
	seesHook(t, ctx, page, "calm")
	if err := s.StartEdge(ctx, all); err != nil {
		t.Fatal(err)
	}
	a.shoot(t, page, time.Second)
	sees(t, ctx, page, fmt.Sprintf("(document.querySelector('%s img')?.naturalWidth ?? 0) > 0", hook("queue-card")))
	sees(t, ctx, page, "document.getAnimations().every((a) => a.playState !== 'running' || a.effect.getTiming().iterations === Infinity)")
	a.shoot(t, page, 1500*time.Millisecond)
	drive(t, page, "open it", click("queue-card"))
	sees(t, ctx, page, playsInBrowser)
	a.film(t, page, 800*time.Millisecond, 200*time.Millisecond, 30)
	drive(t, page, "claim it", chromedp.KeyEvent("a"))
	seesHook(t, ctx, page, "release")
	a.shoot(t, page, 1200*time.Millisecond)
	a.film(t, page, 7*time.Second, 200*time.Millisecond, 10)
	drive(t, page, "judge it", chromedp.KeyEvent("1"))
	seesHook(t, ctx, page, "choice-1")
	a.shoot(t, page, 1500*time.Millisecond)
	drive(t, page, "real", chromedp.KeyEvent("1"))
	seesHook(t, ctx, page, "toast")
	a.shoot(t, page, 2500*time.Millisecond)
	if err := os.WriteFile(filepath.Join(dir, "list.txt"), []byte(a.list.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}
