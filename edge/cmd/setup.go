package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"

	"bongsu"
	"bongsu/edge/rules"
	"bongsu/edge/setup"
	"bongsu/edge/vision"
	"bongsu/edge/worker"
	"bongsu/models/catalog"
	"bongsu/streams"
	"bongsu/streams/rtsp"
)

// Bounds of a process that looks at a camera for somebody in a browser.
const (
	probeLength  = 1500 * time.Millisecond // it listens for so long, and up to twice that for a second key picture
	probeMemory  = 1 << 30                 // bytes that it may allocate
	probeAnswer  = 1 << 20                 // bytes of its answer
	probeRequest = 64 << 10                // bytes of its request
	probeLives   = 20 * time.Second
)

// setUp makes what does the cloud's commands.
func (b *edgeBox) setUp() *setup.Setup {
	models := catalog.Open(catalog.Options{Dir: b.cfg.ModelsDir})
	return setup.New(setup.Options{Cameras: b.store, Log: b.log,
		Probe: func(ctx context.Context, l setup.Look) (bongsu.ProbeResult, error) {
			return probeApart(ctx, b.m.Stderr, l)
		},
		Usual: rules.Defaults,
		Models: func() []bongsu.SetupModel {
			all, err := models.List()
			if err != nil {
				b.log.Warn("not all models can be offered for set-up", "error", err)
			}
			return setupModels(all)
		},
		Changed: func() {
			select {
			case b.poke <- struct{}{}:
			default:
			}
		}})
}

// setupModels gives what a browser is told of models.
func setupModels(all []*catalog.Model) []bongsu.SetupModel {
	out := make([]bongsu.SetupModel, len(all))
	for i, m := range all {
		out[i] = bongsu.SetupModel{Name: m.Manifest.Name, Classes: classesOf(m)}
	}
	return out
}

// classesOf gives the domain words that a model knows, each once.
func classesOf(m *catalog.Model) []bongsu.Class {
	out := []bongsu.Class{}
	for _, l := range m.Manifest.Labels {
		if l.Class != "" && !slices.Contains(out, l.Class) {
			out = append(out, l.Class)
		}
	}
	return out
}

// probed is what a prober writes: a result, or why there is none.
type probed struct {
	Result *bongsu.ProbeResult `json:"result,omitempty"`
	Code   bongsu.Code         `json:"code,omitempty"`
	Reason string              `json:"reason,omitempty"`
}

// probeApart has a process of its own look at a camera: what the camera sends may crash that, and
// nothing else. The request, with the password in it, goes through a pipe, and so does the answer.
func probeApart(ctx context.Context, stderr io.Writer, l setup.Look) (bongsu.ProbeResult, error) {
	var none bongsu.ProbeResult
	self, err := os.Executable()
	if err != nil {
		return none, fmt.Errorf("this program's own path: %w", err)
	}
	request, err := json.Marshal(l)
	if err != nil {
		return none, fmt.Errorf("the request: %w", err)
	}
	answer := &capped{limit: probeAnswer}
	cmd := exec.CommandContext(ctx, self, "prober")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(request), answer, stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	if ctx.Err() != nil {
		return none, ctx.Err()
	}
	var p probed
	if err != nil || json.Unmarshal(answer.Bytes(), &p) != nil || (p.Result == nil) == (p.Code == "") {
		if ended := (*exec.ExitError)(nil); err != nil && !errors.As(err, &ended) {
			return none, fmt.Errorf("a process that looks at the camera cannot be started: %w", err)
		}
		return none, bongsu.Errorf(bongsu.CodeProbeCrashed, "what the camera sends ended the process that looked at it: its video is damaged or unusual; nothing else was touched")
	}
	if p.Result == nil {
		return none, bongsu.Errorf(p.Code, "%s", p.Reason)
	}
	return *p.Result, nil
}

// capped keeps what is written to it up to a limit, and takes the rest without keeping it.
type capped struct {
	bytes.Buffer
	limit int
}

// Write implements io.Writer.
func (c *capped) Write(p []byte) (int, error) {
	if room := c.limit - c.Len(); room > 0 {
		c.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

// proberVerb is what the node starts to look at one camera; a person has `camera probe`.
func proberVerb() *verb {
	return &verb{name: "prober", hidden: true, summary: "look at one camera for a node", usage: "",
		about:   "Reads a request as JSON from standard input, looks at the camera, and writes what it found as JSON to standard output.",
		example: "bongsu-edge prober < request.json",
		run:     runProber}
}

func runProber(ctx context.Context, m *Main, c *call) error {
	if len(c.args) != 0 {
		return usageError{"no words are expected"}
	}
	if err := worker.LimitMemory(probeMemory); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, probeLives) // whatever becomes of the node
	defer cancel()
	var l setup.Look
	if err := json.NewDecoder(io.LimitReader(m.Stdin, probeRequest)).Decode(&l); err != nil {
		return errors.New("the request on standard input is no JSON of ours")
	}
	var p probed
	if r, err := probeCamera(ctx, l, m.logger(slog.LevelError)); err != nil {
		p.Code, p.Reason = bongsu.CodeOf(err), err.Error()
	} else {
		p.Result = &r
	}
	return json.NewEncoder(m.Stdout).Encode(p)
}

// probeCamera looks at a camera within this process.
func probeCamera(ctx context.Context, l setup.Look, log *slog.Logger) (bongsu.ProbeResult, error) {
	began := time.Now()
	r, err := rtsp.Probe(ctx, rtsp.Options{Camera: "probe", URL: l.URL, Username: l.Username, Password: l.Password, AllowBasic: l.AllowBasic,
		Transport: rtsp.Transport(l.Transport), AnyPort: l.AnyUDPPort, AllTracks: l.AllTracks,
		TLS: rtsp.TLS{CAFile: l.CAFile, PinSHA256: l.PinSHA256}, Log: log}, probeLength)
	if err != nil {
		return bongsu.ProbeResult{}, probeCode(err)
	}
	if l.MaxPixels > 0 && r.Width*r.Height > l.MaxPixels {
		return bongsu.ProbeResult{}, bongsu.Errorf(bongsu.CodeCodec, "its pictures of %d×%d are larger than max_pixels %d allows: choose a smaller stream of the camera", r.Width, r.Height, l.MaxPixels)
	}
	f, err := decodeOne(r.Key)
	if err != nil {
		return bongsu.ProbeResult{}, bongsu.Errorf(bongsu.CodeNoPicture, "video comes, but its key picture cannot be decoded: %v", err)
	}
	defer f.Release()
	still, err := vision.JPEG(f, vision.Options{MaxBytes: bongsu.MaxLiveJPEGBytes, MaxWidth: liveStillWidth})
	if err != nil {
		return bongsu.ProbeResult{}, bongsu.Errorf(bongsu.CodeNoPicture, "its picture cannot be shown: %v", err)
	}
	out := bongsu.ProbeResult{Codec: r.Codec.String(), Width: f.Width, Height: f.Height,
		FPS: math.Round(r.FPS*10) / 10, Still: still, Tracks: []string{}}
	for _, t := range r.Tracks {
		out.Tracks = append(out.Tracks, trackWords(t))
	}
	out.TookMS = time.Since(began).Milliseconds()
	return out, nil
}

// probeCodes says in the words of set-up why a camera gives no picture.
var probeCodes = map[string]bongsu.Code{
	streams.ReasonBadURL: bongsu.CodeInvalid, streams.ReasonUnreachable: bongsu.CodeNoRoute, streams.ReasonSilent: bongsu.CodeTimeout,
	streams.ReasonWrongPassword: bongsu.CodeAuthFailed, streams.ReasonNeedPassword: bongsu.CodeAuthNeeded, streams.ReasonBasicRefused: bongsu.CodeBasicRefused,
	streams.ReasonUntrusted: bongsu.CodeBadCertificate, streams.ReasonBusy: bongsu.CodeCameraBusy, streams.ReasonNotFound: bongsu.CodeNoStream,
	streams.ReasonNoVideo: bongsu.CodeNoVideo, streams.ReasonNoParameters: bongsu.CodeNoPicture,
}

func probeCode(err error) error {
	var se *streams.Error
	if !errors.As(err, &se) {
		return err
	}
	code, ok := probeCodes[se.Code]
	switch {
	case ok:
	case se.Code == streams.ReasonEnded && (se.Op == "read" || se.Op == "play"):
		code = bongsu.CodeNoPicture
	default:
		code = bongsu.CodeNotRTSP
	}
	return bongsu.Errorf(code, "%s", se.Err)
}
