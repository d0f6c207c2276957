package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bongsu"
	"bongsu/models/catalog"
)

// modelServer serves the tiny model under /tiny.onnx, and what goes wrong under other names.
// Of /cut.onnx the first answer breaks off in the middle.
func modelServer(t *testing.T, model []byte) (s *httptest.Server, cuts *atomic.Int64) {
	t.Helper()
	cuts = &atomic.Int64{}
	file := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		w.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(model))
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/tiny.onnx", file)
	mux.HandleFunc("/cut.onnx", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") != "" {
			if r.Header.Get("Range") != fmt.Sprintf("bytes=%d-", len(model)/2) {
				t.Errorf("asked for %s", r.Header.Get("Range"))
			}
			file(w, r)
			return
		}
		cuts.Add(1)
		w.Header().Set("ETag", `"1"`)
		w.Header().Set("Content-Length", fmt.Sprint(len(model)))
		w.Write(model[:len(model)/2])
	})
	mux.HandleFunc("/changed.onnx", func(w http.ResponseWriter, _ *http.Request) { w.Write(append(model, 0)) })
	mux.HandleFunc("/page.onnx", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<html>")
	})
	mux.HandleFunc("/huge.onnx", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(1<<30))
		w.WriteHeader(http.StatusOK)
	})
	mux.Handle("/plain.onnx", http.RedirectHandler("http://192.0.2.1/m.onnx", http.StatusFound))
	s = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s, cuts
}

func TestModelInstall(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "models")
	p := tiny.YOLOXPackage("tiny")
	if _, err := p.Write(dir); err != nil {
		t.Fatal(err)
	}
	s, cuts := modelServer(t, p.Model)
	text := filepath.Join(dir, "manifest.yaml")
	gone := httptest.NewServer(nil)
	gone.Close()
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{ExitUsage, "say list, catalogue, install", []string{"install"}},
		{ExitUsage, "say list, catalogue, install", []string{"install", "a", "b"}},
		{ExitUsage, "the licence of tiny must be accepted: read it, then say --accept-licence", []string{"install", "--manifest", text, s.URL + "/tiny.onnx"}},
		{ExitUsage, "yolox_tiny_416 is under the licence Apache-2.0: https://", []string{"install", "yolox-tiny"}},
		{ExitFailed, `no public model is called "yolo9"`, []string{"install", "yolo9"}},
		{ExitFailed, "dfine_n_640 cannot be installed yet: there is no head for DETR's outputs yet", []string{"install", "dfine-n"}},
		{ExitFailed, "is no https address", []string{"install", "--accept-licence", "http://example.com/m.onnx"}},
		{ExitFailed, "cannot be reached: look at this machine's network", []string{"install", "--accept-licence", "--manifest", text, gone.URL + "/m.onnx"}},
		{ExitFailed, "has SHA-256 ", []string{"install", "--accept-licence", "--manifest", text, s.URL + "/changed.onnx"}},
		{ExitFailed, "gives a web page, not a file", []string{"install", "--accept-licence", "--manifest", text, s.URL + "/page.onnx"}},
		{ExitFailed, "has 1073741824 bytes, at most 536870912 are downloaded", []string{"install", "--accept-licence", "--manifest", text, s.URL + "/huge.onnx"}},
		{ExitFailed, "sends on to http://192.0.2.1/m.onnx, which is no https address", []string{"install", "--accept-licence", "--manifest", text, s.URL + "/plain.onnx"}},
		{ExitFailed, "answers 404 Not Found", []string{"install", "--accept-licence", "--manifest", text, s.URL + "/none.onnx"}},
		{ExitFailed, "has no manifest and is not a model that comes known", []string{"install", "--accept-licence", s.URL + "/tiny.onnx"}},
	} {
		code, out, errs := tool(t, append([]string{"model", "--models", folder}, c.args...)...)
		if code != c.code || !strings.Contains(errs, c.says) || out != "" {
			t.Errorf("%v: exit code %d, want %d and %q\n%s%s", c.args, code, c.code, c.says, out, errs)
		}
		if list := must(t, "model", "--models", folder, "list"); strings.Count(list, "\n") != 1 {
			t.Errorf("%v left\n%s", c.args, list)
		}
	}
	// The connection breaks in the middle; flags may stand behind the address.
	code, out, errs := tool(t, "model", "install", "--models", folder, s.URL+"/cut.onnx", "--manifest", text, "--accept-licence")
	if code != ExitOK || out != "tiny\n" || cuts.Load() != 1 || !strings.Contains(errs, "tiny is under the licence Apache-2.0: made by a test\n") || !strings.Contains(errs, "downloaded 100 % of 0.") {
		t.Errorf("exit code %d, %d cuts\n%s%s", code, cuts.Load(), out, errs)
	}
	if out := must(t, "model", "--models", folder, "verify"); out != "tiny: good\n" {
		t.Errorf("%s", out)
	}
	must(t, "model", "--models", folder, "remove", "tiny")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for source, says := range map[string]string{filepath.Join(dir, "tiny.onnx"): "the installation was stopped: nothing was installed\n", s.URL + "/tiny.onnx?anew": "stopped after 0 bytes"} {
		var stderr buffer
		stopped := Main{Args: []string{"model", "install", "--models", folder, "--accept-licence", source}, Stdout: io.Discard, Stderr: &stderr}
		if code := stopped.Run(ended); code != ExitFailed || !strings.Contains(stderr.String(), says) {
			t.Errorf("exit code %d: %s", code, stderr.String())
		}
	}
	if out := must(t, "model", "--models", folder, "install", filepath.Join(dir, "tiny.onnx")); out != "tiny\n" {
		t.Errorf("a file: %s", out)
	}
}

// A file that the program knows by its hash needs no manifest, wherever it comes from.
func TestModelInstallKnown(t *testing.T) {
	data := os.Getenv("BONGSU_DATA")
	if data == "" {
		t.Skip("needs BONGSU_DATA, the folder of real data")
	}
	model, err := os.ReadFile(filepath.Join(data, "models", "nanodet_m_416.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	s, _ := modelServer(t, model)
	code, out, errs := tool(t, "model", "install", "--models", t.TempDir(), "--accept-licence", s.URL+"/tiny.onnx")
	if code != ExitOK || out != "nanodet_m_416\n" {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
	for _, want := range []string{"nanodet_m_416 is under the licence Apache-2.0: https://", "family nanodet, 416×416 pixels", "downloaded 50 % of 3.6 MiB\n"} {
		if !strings.Contains(errs, want) {
			t.Errorf("%q is not in\n%s", want, errs)
		}
	}
	if strings.Contains(errs, "Nobody has told this program") {
		t.Errorf("the hash is known:\n%s", errs)
	}
}

func TestModelCatalogue(t *testing.T) {
	out := must(t, "model", "catalogue")
	for _, want := range []string{
		"yolox_s_640\n  family   yolox\n  tensors  in [1, 3, 640, 640] BGR 0-255, out [1, 8400, 85]\n  licence  Apache-2.0, https://",
		"  SHA-256  the first one installed counts\n", "  SHA-256  08b62b9ee4a7878e",
		"dfine_n_640\n  family   none: not supported yet, there is no head for DETR's outputs yet\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}

func TestLicenceIsAsked(t *testing.T) {
	of := catalog.Licence{Model: "tiny", Licence: "MIT", Text: "https://example.com/LICENSE"}
	for answer, good := range map[string]bool{"y\n": true, "Yes\r\n": true, "예\n": true, "n\n": false, "\n": false, "": false, "yes": true, "maybe\n": false} {
		var out bytes.Buffer
		err := licence{in: strings.NewReader(answer), out: &out, terminal: true}.accept(of)
		if (err == nil) != good || err != nil && (bongsu.CodeOf(err) != bongsu.CodeForbidden || err.Error() != "the licence of tiny was not accepted: nothing was installed") {
			t.Errorf("%q: %v", answer, err)
		}
		if !strings.HasPrefix(out.String(), "tiny is under the licence MIT: https://example.com/LICENSE\nDo you accept it? [y/N] ") {
			t.Errorf("%q", out.String())
		}
	}
	var usage usageError
	if err := (licence{in: strings.NewReader("y\n"), out: io.Discard}).accept(of); !errors.As(err, &usage) {
		t.Errorf("nobody to ask: %v", err)
	}
	if isTerminal(strings.NewReader("")) || isTerminal(nil) {
		t.Error("no terminal")
	}
}

func TestProgress(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	now := func() time.Time { return at }
	var lines bytes.Buffer
	p := &progress{w: &lines, now: now}
	for done := int64(mebibyte); done <= 20*mebibyte; done += mebibyte {
		p.tell(done, 20*mebibyte)
	}
	p.end()
	if got := lines.String(); strings.Count(got, "\n") != 10 || !strings.HasPrefix(got, "downloaded 10 % of 20.0 MiB\ndownloaded 20 %") || !strings.HasSuffix(got, "downloaded 100 % of 20.0 MiB\n") {
		t.Errorf("%s", got)
	}
	lines.Reset()
	p = &progress{w: &lines, now: now}
	for done := int64(mebibyte); done <= 40*mebibyte; done += mebibyte {
		p.tell(done, 0)
	}
	if got := lines.String(); got != "downloaded 16.0 MiB\ndownloaded 32.0 MiB\n" {
		t.Errorf("%s", got)
	}
	lines.Reset()
	p = &progress{w: &lines, now: now, terminal: true}
	p.tell(mebibyte, 4*mebibyte)
	p.tell(2*mebibyte, 4*mebibyte) // too soon to be drawn
	at = at.Add(time.Second)
	p.tell(3*mebibyte, 4*mebibyte)
	p.tell(4*mebibyte, 4*mebibyte)
	p.end()
	p.end()
	want := "\r 25 %  1.0 of 4.0 MiB\x1b[K\r 75 %  3.0 of 4.0 MiB  2.0 MiB/s\x1b[K\r100 %  4.0 of 4.0 MiB  3.0 MiB/s\x1b[K\n"
	if lines.String() != want {
		t.Errorf("%q, want %q", lines.String(), want)
	}
}
