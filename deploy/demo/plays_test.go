package demo

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// playing plays each address in a video of its own, four at a time, and gives those that do not
// show moving pictures, with the reason.
const playing = `async (urls) => {
	const wrong = [];
	const one = (url) => new Promise((done) => {
		const v = document.createElement('video');
		const end = (why) => { clearTimeout(timer); if (why) wrong.push(url + ': ' + why); v.remove(); done(); };
		const timer = setTimeout(() => end('no pictures in 20 s'), 20000);
		v.muted = true;
		v.ontimeupdate = () => { if (v.currentTime > 0.2 && v.videoWidth > 0 && v.getVideoPlaybackQuality().totalVideoFrames > 1) end(''); };
		v.onerror = () => end(v.error ? v.error.message : 'error');
		v.src = url;
		document.body.append(v);
		v.play().catch((e) => end(String(e)));
	});
	const left = [...urls];
	const lane = async () => { while (left.length > 0) await one(left.shift()); };
	await Promise.all([lane(), lane(), lane(), lane()]);
	return wrong;
}`

// checkBrowserPlays plays the H.264 clips of the events in headless Chromium, in a signed-in
// page. Debian's Chromium has no decoder for H.265.
func (s *System) checkBrowserPlays(t *testing.T, ctx context.Context, cameras ...string) {
	t.Helper()
	var urls []string
	for _, id := range cameras {
		got, err := s.events(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range got {
			for _, c := range e.Clips {
				if strings.HasPrefix(c.Codec, "avc") && c.URL != "" {
					urls = append(urls, c.URL)
				}
			}
		}
	}
	if len(urls) == 0 {
		t.Fatalf("cameras %v have no clips to play", cameras)
	}
	page := browser(t, 2*time.Minute)
	drive(t, page, "sign in", append(signIn(s), holds("location.pathname === '/console'"))...)
	list, err := json.Marshal(urls)
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := chromedp.Run(page, chromedp.Evaluate[[]string]("("+playing+")("+string(list)+")", chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range wrong {
		t.Errorf("a clip does not play in Chromium: %s", w)
	}
	t.Logf("%d clip parts played in Chromium", len(urls)-len(wrong))
}
