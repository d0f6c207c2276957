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

	"bongsu"
)

// browser starts headless Chromium with an empty profile.
func browser(t *testing.T, limit time.Duration) context.Context {
	t.Helper()
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(1920, 1080),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	if path := os.Getenv("CHROMIUM"); path != "" {
		opts = append(opts, chromedp.ExecPath(path))
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // the browser lives as long as the context of the first call
		t.Fatalf("Chromium does not start: %v", err)
	}
	return ctx
}

// step is one thing done in the page.
type step = chromedp.Action[chromedp.Void]

// drive takes steps in the page. When one fails, what was on screen is kept in the folder that
// BONGSU_SCREENSHOTS names.
func drive(t *testing.T, ctx context.Context, what string, steps ...step) {
	t.Helper()
	limited, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	if err := chromedp.Do(limited, steps...); err != nil {
		shoot(t, ctx, what)
		t.Fatalf("%s: %v", what, err)
	}
}

func shoot(t *testing.T, ctx context.Context, what string) {
	dir := os.Getenv("BONGSU_SCREENSHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, strings.ReplaceAll(what, " ", "-")+".png"), png, 0o600)
	}
	if err != nil {
		t.Logf("no screenshot of %q: %v", what, err)
	}
}

// holds waits until an expression is true in the page.
func holds(expression string) step {
	return func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.PollFunction[bool]("() => "+expression, chromedp.WithPollingTimeout(50*time.Second))(ctx, target)
		return chromedp.Void{}, err
	}
}

func hook(id string) string { return fmt.Sprintf(`[data-testid=%q]`, id) }

func there(id string) step {
	return holds(fmt.Sprintf("document.querySelector('%s') !== null", hook(id)))
}
func absent(id string) step {
	return holds(fmt.Sprintf("document.querySelector('%s') === null", hook(id)))
}

func click(id string) step { return chromedp.Click(hook(id)) }

// playsInBrowser is true when the evidence video shows pictures: its time runs, it has a size.
const playsInBrowser = `(() => { const v = document.querySelector('[data-testid=evidence-video]');
	return !!v && v.videoWidth > 0 && v.currentTime > 0.3 && v.error === null && v.getVideoPlaybackQuality().totalVideoFrames > 2 })()`

// signIn opens the console and signs in.
func signIn(s *System) []step {
	return []step{
		chromedp.Navigate(s.ConsoleURL + "/"), there("login-user"),
		chromedp.SendKeys(hook("login-user"), s.User), chromedp.SendKeys(hook("login-password"), s.Password),
		click("login-submit"),
	}
}

// TestOperatorInABrowser is an operator's minute: sign in, see the card arrive with its
// picture, open it, see the clip play, claim it, dismiss it with two keys; the verdict is there
// after a restart of everything.
func TestOperatorInABrowser(t *testing.T) {
	t.Parallel()
	s := startSystem(t, tinyModel(t, "tiny", 0.9))
	shows := []Show{{ID: "yard", Name: "자재 야적장", File: film(t, "libx264", scene{6, false}, scene{3, true}, scene{60, false}), Rules: anyoneRule}}
	ctx := within(t, 3*time.Minute)
	if err := s.StartCameras(ctx, shows, false); err != nil {
		t.Fatal(err)
	}
	page := browser(t, 2*time.Minute)
	drive(t, page, "sign in", append(signIn(s), there("calm"))...)
	if err := s.StartEdge(ctx, shows); err != nil {
		t.Fatal(err)
	}
	card := hook("queue-card")
	drive(t, page, "the card arrives by itself with its picture", there("queue-card"),
		holds(fmt.Sprintf("document.querySelector('%s').dataset.kind === %q", card, bongsu.KindIntrusion)),
		holds(fmt.Sprintf("document.querySelector('%s .where').textContent.includes(%q)", card, shows[0].Name)),
		holds(fmt.Sprintf("document.querySelector('%s img').naturalWidth > 0", card)))
	drive(t, page, "open it, see the clip play, and claim it", click("queue-card"), there("why"), holds(playsInBrowser),
		chromedp.KeyEvent("a"), there("release"))
	drive(t, page, "false alarm in two keys", chromedp.KeyEvent("2"), there("choice-1"), chromedp.KeyEvent("1"), there("toast"), absent("queue-card"))
	drive(t, page, "undo", chromedp.KeyEvent("z", chromedp.KeyModifiers(chromedp.ModifierCtrl)), click("filter-mine"), there("queue-card"))
	drive(t, page, "and dismiss it again", click("queue-card"), there("why"), chromedp.KeyEvent("2"), there("choice-1"), chromedp.KeyEvent("1"), absent("queue-card"))
	eventually(t, ctx, "one closed alert, judged false-animal", func() (bool, string) { // the card goes before the cloud has answered
		closed, err := s.alerts(ctx, "closed")
		return err == nil && len(closed) == 1 && closed[0].Verdict == bongsu.VerdictFalseAnimal, fmt.Sprint(closed, err)
	})
	s.Stop()
	if err := s.StartCloud(ctx); err != nil {
		t.Fatal(err)
	}
	if again, err := s.alerts(ctx, "closed"); err != nil || len(again) != 1 || again[0].Verdict != bongsu.VerdictFalseAnimal {
		t.Errorf("after the restart: %+v, %v", again, err)
	}
}
