package cmd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"bongsu"
	"bongsu/edge/vision"
	"bongsu/streams"
	"bongsu/streams/avcodec"
	"bongsu/streams/rtsp"
)

type cameraOpts struct {
	user, passwordFile, still *string
	basic                     *bool
	seconds                   *float64

	transport, caFile, pin *string
	anyPort, allTracks     *bool
}

func (o *cameraOpts) define(fs *flag.FlagSet) {
	fs.StringVar(o.user, "user", *o.user, "user name of the camera")
	fs.StringVar(o.passwordFile, "password-file", *o.passwordFile, "file whose first line is the camera's password")
	fs.StringVar(o.still, "still", *o.still, "write the first picture to this JPEG file")
	fs.BoolVar(o.basic, "allow-basic", *o.basic, "answer a Basic login too, which shows the password to the network")
	fs.StringVar(o.transport, "transport", *o.transport, "tcp, or udp as edge.yaml's transport")
	fs.BoolVar(o.anyPort, "any-udp-port", *o.anyPort, "udp: take packets from other ports of the camera than those it named")
	fs.BoolVar(o.allTracks, "all-tracks", *o.allTracks, "ask for sound, too: some cameras send no pictures without")
	fs.StringVar(o.caFile, "ca-file", *o.caFile, "rtsps: PEM of the authority that signed the camera's certificate")
	fs.StringVar(o.pin, "pin-sha256", *o.pin, "rtsps: SHA-256 of the camera's certificate")
	fs.Float64Var(o.seconds, "seconds", *o.seconds, "how long to listen")
}

func newCameraOpts() *cameraOpts {
	seconds, transport := 4.0, string(rtsp.TCP)
	return &cameraOpts{new(string), new(string), new(string), new(bool), &seconds, &transport, new(string), new(string), new(bool), new(bool)}
}

func cameraVerb() *verb {
	return &verb{name: "camera", summary: "find out what a camera offers, or why not; calibrate it", usage: "probe [flags] rtsp[s]://HOST/PATH\n       bongsu-edge camera calibrate [flags]",
		about: `probe connects, listens for a few seconds and prints what the camera offers: tracks, codec, size,
rate, distance of key frames, clock. When it cannot, it says why in words and exits with 1. The
password is read from a file and never shown. calibrate says where in the picture the ground is:
bongsu-edge camera calibrate --help.`,
		example: "bongsu-edge camera probe --user viewer --password-file gate.password --still gate.jpg rtsp://192.0.2.10/stream1",
		flags: func(fs *flag.FlagSet) any {
			o := newCameraOpts()
			o.define(fs)
			return o
		},
		run: cameraWord}
}

func runCamera(ctx context.Context, m *Main, c *call) error {
	o := c.opts.(*cameraOpts)
	word, rest, err := wordThenFlags(c, o.define)
	if err != nil {
		return err
	}
	if word != "probe" || len(rest) != 1 {
		return usageError{"say probe and one rtsp:// address, or calibrate"}
	}
	if *o.seconds <= 0 {
		return usageError{fmt.Sprintf("--seconds %g: say how long to listen, more than 0", *o.seconds)}
	}
	if t := rtsp.Transport(*o.transport); t != rtsp.TCP && t != rtsp.UDP {
		return usageError{fmt.Sprintf("--transport %q: say tcp or udp", t)}
	}
	password := ""
	if *o.passwordFile != "" {
		data, err := os.ReadFile(*o.passwordFile)
		if err != nil {
			return fmt.Errorf("--password-file: %w", err)
		}
		password, _, _ = strings.Cut(string(data), "\n")
	}
	r, err := rtsp.Probe(ctx, rtsp.Options{Camera: "probe", URL: rest[0], Username: *o.user, Password: strings.TrimSuffix(password, "\r"),
		AllowBasic: *o.basic, Transport: rtsp.Transport(*o.transport), AnyPort: *o.anyPort, AllTracks: *o.allTracks,
		TLS: rtsp.TLS{CAFile: *o.caFile, PinSHA256: *o.pin}, Log: m.logger(slog.LevelError)}, time.Duration(*o.seconds*float64(time.Second)))
	if err != nil {
		return probeFailure(err)
	}
	printProbe(m, r)
	if *o.still != "" {
		return writeStill(r.Key, *o.still)
	}
	return nil
}

// probeFailure leaves the sentence for a person and the stable word for a script.
func probeFailure(err error) error {
	var se *streams.Error
	if errors.As(err, &se) {
		return fmt.Errorf("%s: %w", se.Code, se.Err)
	}
	return err
}

func printProbe(m *Main, r *rtsp.ProbeResult) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(m.Stdout, "%-10s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("camera", "%s", r.Host)
	for _, t := range r.Tracks {
		line("track", "%s", trackWords(t))
	}
	line("video", "%s %s, %dx%d", r.Codec, r.Profile, r.Width, r.Height)
	declared := ""
	if r.DeclaredFPS > 0 && (r.FPS < 0.9*r.DeclaredFPS || r.FPS > 1.1*r.DeclaredFPS) {
		declared = fmt.Sprintf(" (the camera declares %.1f)", r.DeclaredFPS)
	}
	line("rate", "%.1f pictures/s%s, %.0f kbit/s", r.FPS, declared, r.KBitPS)
	if r.GOPUnits > 0 {
		line("key frames", "every %d pictures, %.1f s; the first after %.1f s", r.GOPUnits, r.GOPDuration.Seconds(), r.KeyWait.Seconds())
	} else {
		line("key frames", "only one came: they are far apart; the first after %.1f s", r.KeyWait.Seconds())
	}
	if r.HasClock {
		line("clock", "%+.3f s against this machine's", r.ClockOffset.Seconds())
	} else {
		line("clock", "the camera tells no time that can be used (no two sender reports that agree)")
	}
	if r.Stats.Missing > 0 {
		line("loss", "%d packets missing", r.Stats.Missing)
	}
}

func writeStill(au *streams.AccessUnit, path string) error {
	f, err := decodeOne(au)
	if err != nil {
		return fmt.Errorf("no still: %w", err)
	}
	defer f.Release()
	jpeg, err := vision.JPEG(f, vision.Options{MaxBytes: 4 << 20, MaxWidth: f.Width})
	if err != nil {
		return fmt.Errorf("no still: %w", err)
	}
	return os.WriteFile(path, jpeg, 0o600)
}

func decodeOne(au *streams.AccessUnit) (*bongsu.Frame, error) {
	dec, err := avcodec.NewDecoder(avcodec.Options{Codec: au.Codec})
	if err != nil {
		return nil, err
	}
	defer dec.Close()
	if err := dec.Send(au); err != nil {
		return nil, err
	}
	if f, err := dec.Receive(); err == nil {
		return f, nil
	}
	if err := dec.Drain(); err != nil {
		return nil, err
	}
	return dec.Receive()
}

func trackWords(t rtsp.Track) string {
	s := t.Media
	if t.Codec != "" {
		s += " " + t.Codec
	}
	if !t.Used {
		s += ": not used, " + t.Note
	}
	return s
}
