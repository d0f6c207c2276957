package streamstest

import (
	"bufio"
	"bytes"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"bongsu/streams"
)

//go:embed testdata/gstserver.c
var gstSource []byte

// GstOptions say what gst-rtsp-server serves.
type GstOptions struct {
	File     string // an MP4 file
	Codec    streams.Codec
	User     string // "" = no login; otherwise digest
	Password string
	PEM      string // file with a certificate and its key; "" = plain RTSP
}

// StartGst serves a file with gst-rtsp-server, an RTSP implementation that is not ours, until
// the test ends, and gives the URL. Each session gets the file from its beginning, in real
// time. Where the packages for it are missing the test is skipped, under CI=true it fails.
func StartGst(t testing.TB, o GstOptions) string {
	t.Helper()
	program, err := gstProgram(t.TempDir())
	if err != nil {
		skipOrFail(t, "gst-rtsp-server is needed (libgstrtspserver-1.0-dev, gstreamer1.0-plugins-good, -bad; cc, pkg-config): "+err.Error())
	}
	args := []string{o.File, o.Codec.String()}
	if o.User != "" {
		args = append(args, o.User, o.Password)
	} else if o.PEM != "" {
		args = append(args, "-", "-")
	}
	scheme := "rtsp"
	if o.PEM != "" {
		args, scheme = append(args, o.PEM), "rtsps"
	}
	cmd := exec.Command(program, args...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close() // it ends by itself then
		if err := cmd.Wait(); err != nil {
			t.Logf("gst-rtsp-server: %v: %s", err, said.String())
		}
	})
	line, _ := bufio.NewReader(out).ReadString('\n')
	port, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatalf("gst-rtsp-server told no port: %q", line)
	}
	return fmt.Sprintf("%s://127.0.0.1:%d/cam", scheme, port)
}

var gstBuilt struct {
	once sync.Once
	code []byte // of the program
	err  error
}

// gstProgram compiles the server, once a process, and puts it into dir.
func gstProgram(dir string) (string, error) {
	path := filepath.Join(dir, "gstserver")
	gstBuilt.once.Do(func() {
		if gstBuilt.err = buildGst(dir, path); gstBuilt.err == nil {
			gstBuilt.code, gstBuilt.err = os.ReadFile(path)
		}
	})
	if gstBuilt.err != nil {
		return "", gstBuilt.err
	}
	return path, os.WriteFile(path, gstBuilt.code, 0o700)
}

func buildGst(dir, path string) error {
	flags, err := exec.Command("pkg-config", "--cflags", "--libs", "gstreamer-rtsp-server-1.0", "gio-2.0").Output()
	if err != nil {
		return fmt.Errorf("pkg-config gstreamer-rtsp-server-1.0: %w", err)
	}
	source := filepath.Join(dir, "gstserver.c")
	if err := os.WriteFile(source, gstSource, 0o600); err != nil {
		return err
	}
	args := append([]string{"-O1", "-o", path, source}, strings.Fields(string(flags))...)
	if out, err := exec.Command("cc", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("cc: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}
