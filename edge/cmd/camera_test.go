package cmd

import (
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bongsu/streams/streamstest"
)

// canary is a password that must show nowhere.
const canary = "c4nary-비밀"

// served is a camera that plays a file again and again.
func served(t *testing.T, o streamstest.ServerOptions, file string) *streamstest.Server {
	t.Helper()
	p, err := streamstest.FilePath("gate", file)
	if err != nil {
		t.Fatal(err)
	}
	p.Loop = true
	o.Paths = []*streamstest.Path{p}
	return streamstest.Start(t, o)
}

func TestProbeTellsWhatACameraOffers(t *testing.T) {
	dir := t.TempDir()
	secret := put(t, dir, "password", canary+"\r\nsecond line\n")
	for codec, says := range map[string][]string{
		"libx264": {"h264", "every 10 pictures, 1.0 s"},
		"libx265": {"h265"}, // its groups are open: the first looks shorter in the order of the wire
	} {
		t.Run(codec, func(t *testing.T) {
			s := served(t, streamstest.ServerOptions{Users: map[string]string{"viewer": canary}}, video(t, dir, codec, 4))
			still := filepath.Join(dir, codec+".jpg")
			out := must(t, "camera", "probe", "--user", "viewer", "--password-file", secret, "--still", still, "--seconds", "2.5", s.URL("gate"))
			for _, want := range append(says, "320x240", "10.0 pictures/s") {
				if !strings.Contains(out, want) {
					t.Errorf("%q is not in\n%s", want, out)
				}
			}
			if strings.Contains(out, canary) {
				t.Error("the password is shown")
			}
			f, err := os.Open(still)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if p, err := jpeg.DecodeConfig(f); err != nil || p.Width != 320 || p.Height != 240 {
				t.Errorf("the still: %+v, %v", p, err)
			}
		})
	}
}

func TestProbeTellsWhyNot(t *testing.T) {
	dir := t.TempDir()
	film := video(t, dir, "libx264", 2)
	right, wrong := put(t, dir, "right", canary), put(t, dir, "wrong", canary+"x")
	users := map[string]string{"viewer": canary}
	digest := served(t, streamstest.ServerOptions{Users: users}, film)
	basic := served(t, streamstest.ServerOptions{Users: users, Auth: streamstest.AuthBasic}, film)
	for name, c := range map[string]struct {
		says string
		args []string
	}{
		"a wrong password":    {"wrong-password: ", []string{"--user", "viewer", "--password-file", wrong, digest.URL("gate")}},
		"no login":            {"need-password: ", []string{digest.URL("gate")}},
		"a wrong path":        {"not-found: ", []string{"--user", "viewer", "--password-file", right, digest.URL("yard")}},
		"Basic alone":         {"basic-refused: ", []string{"--user", "viewer", "--password-file", right, basic.URL("gate")}},
		"a password in a URL": {"bad-url: the URL holds a user name or password", []string{"rtsp://viewer:" + canary + "@127.0.0.1/gate"}},
		"no password file":    {"--password-file: open ", []string{"--user", "viewer", "--password-file", "/none", digest.URL("gate")}},
		"nobody there":        {"unreachable: ", []string{"rtsp://127.0.0.1:1/gate"}},
	} {
		code, out, errs := tool(t, append([]string{"camera", "probe", "--seconds", "1"}, c.args...)...)
		if code != ExitFailed || !strings.HasPrefix(errs, "bongsu-edge camera: "+c.says) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: exit code %d, want one line with %q:\n%s%s", name, code, c.says, out, errs)
		}
		if strings.Contains(out+errs, canary) {
			t.Errorf("%s: the password is shown: %s%s", name, out, errs)
		}
	}
	must(t, "camera", "probe", "--seconds", "1", "--allow-basic", "--user", "viewer", "--password-file", right, basic.URL("gate"))
}
