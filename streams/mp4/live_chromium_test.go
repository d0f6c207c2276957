package mp4

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bongsu/streams"
)

// livePage appends segments to a SourceBuffer one by one, as they come over a WebSocket, plays
// what is buffered at 4 times its speed and tells what happened.
const livePage = `<!doctype html><title>…</title><video muted></video><script>
const v = document.querySelector('video'), said = [];
const say = (s) => { if (said.push(s) === 1) fetch('/say?what=' + encodeURIComponent(s)); };
const mime = %s, sizes = %s;
v.onerror = () => say('error ' + v.error.code + ' ' + v.error.message);
const ms = new MediaSource();
ms.onsourceopen = async () => {
	if (!MediaSource.isTypeSupported(mime)) return say('unsupported ' + mime);
	const all = await (await fetch('/clip.mp4')).arrayBuffer(), b = ms.addSourceBuffer(mime);
	let at = 0;
	for (const n of sizes) {
		b.appendBuffer(all.slice(at, at += n));
		await new Promise((done) => b.onupdateend = done);
	}
	const start = v.buffered.start(0), end = v.buffered.end(v.buffered.length - 1);
	v.currentTime = start;
	v.playbackRate = 4;
	v.ontimeupdate = () => {
		const q = v.getVideoPlaybackQuality();
		if (v.currentTime > end - 0.3) say(['played', v.videoWidth, v.videoHeight, 'ranges', v.buffered.length, 'seconds', (end - start).toFixed(2), q.totalVideoFrames > 5].join(' '));
	};
	v.play().catch((e) => say('refused ' + e));
};
v.src = URL.createObjectURL(ms);
</script>`

// TestLivePlaysInChromium appends live segments to a MediaSource: B pictures, a pause of the
// camera, its reconnect and other parameter sets must not tear what is buffered.
func TestLivePlaysInChromium(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed: that live pictures play there is not tested")
	}
	for _, tc := range []struct {
		name, codec string
		args        []string
		change      func(i int, au *streams.AccessUnit)
		want        string
	}{
		{"B pictures, a gap and a reconnect", "libx264", []string{"-g", "25", "-bf", "2"}, func(i int, au *streams.AccessUnit) {
			skew(au, i >= 40, 1500*time.Millisecond)
			if i >= 75 {
				au.Run = "other"
				skew(au, true, -3*time.Second)
			}
			au.NALs = append([][]byte{au.Params.SPS, au.Params.PPS}, au.NALs...)
		}, "ranges 1 seconds 5.5"},
		{"uneven steps", "libx264", []string{"-g", "25", "-bf", "0"}, func(i int, au *streams.AccessUnit) {
			skew(au, true, time.Duration(i*37%80)*time.Millisecond)
		}, "ranges 1 seconds 4."},
		{"hvc1", "libx265", []string{"-g", "25", "-x265-params", "log-level=none"}, func(int, *streams.AccessUnit) {}, "ranges 1 seconds 4."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			units, _ := encode(t, tc.codec, tc.args...)
			var film []byte
			var sizes []int
			var info LiveInfo
			l := &Live{}
			for i, au := range units {
				tc.change(i, au)
				before := len(film)
				out, told, fresh, err := l.Init(film, au)
				if err != nil {
					t.Fatal(err)
				}
				if fresh {
					info = told
					sizes = append(sizes, len(out)-before)
				}
				before = len(out)
				film = l.Fragment(out, au)
				sizes = append(sizes, len(film)-before)
			}
			path := filepath.Join(t.TempDir(), "live.mp4")
			if err := os.WriteFile(path, film, 0o600); err != nil {
				t.Fatal(err)
			}
			mime, _ := json.Marshal(fmt.Sprintf("video/mp4; codecs=%q", info.String))
			list, _ := json.Marshal(sizes)
			got := playOn(t, chromium, path, fmt.Sprintf(livePage, mime, list))
			t.Log(got)
			if tc.codec == "libx265" && strings.HasPrefix(got, "unsupported") {
				t.Skip("this Chromium has no H.265 decoder")
			}
			if !strings.HasPrefix(got, "played 320 240 "+tc.want) || !strings.HasSuffix(got, "true") {
				t.Errorf("Chromium says %q, want %q", got, tc.want)
			}
		})
	}
}
