package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bongsu/edge/config"
)

func TestCalibrateFromHeightAndTilt(t *testing.T) {
	// 10 m up, straight down, 90 degrees wide: 20 m over 1920 pixels, 96 pixels a metre everywhere.
	out := must(t, "camera", "calibrate", "--height", "10", "--tilt", "90", "--hfov", "90")
	for _, want := range []string{
		"  y 0.0     96.0   96.0   96.0   96.0   96.0     5.6 m\n",
		"  y 1.0     96.0   96.0   96.0   96.0   96.0     -5.6 m\n",
		"m² of ground",
		"    ground: {height_m: 10, tilt_deg: 90, roll_deg: 0, hfov_deg: 90, aspect: 1.7778}\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	out = must(t, "camera", "calibrate", "--height", "5", "--tilt", "20", "--hfov", "60", "--aspect", "1.3333", "--pixels", "480")
	for _, want := range []string{"above the horizon", "    10 m  y ", "480 rows", "roll_deg: 0, hfov_deg: 60, aspect: 1.3333}"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

const measured = "0.21,0.93=0,0 0.78,0.93=5,0 0.65,0.55=5,10 0.36,0.55=0,10"

func TestCalibrateFromPoints(t *testing.T) {
	file := put(t, t.TempDir(), "points", strings.ReplaceAll(measured, " ", "\n")+"\n")
	said := must(t, "camera", "calibrate", "--points", measured)
	if must(t, "camera", "calibrate", "--points", file) != said {
		t.Error("a file says something else than the flag")
	}
	if !strings.Contains(said, "ground: {points: [[[0.21, 0.93], [0, 0]], [[0.78, 0.93], [5, 0]], [[0.65, 0.55], [5, 10]], [[0.36, 0.55], [0, 10]]], aspect: 1.7778}") ||
		!strings.Contains(said, "    10 m  y 0.550\n") {
		t.Error(said)
	}
}

func TestCalibrateRefuses(t *testing.T) {
	for want, args := range map[string][]string{
		"--tilt is missing: give --height, --tilt and --hfov, or --points":                   {"--height", "5"},
		`--height "high" is no number`:                                                       {"--height", "high", "--tilt", "30", "--hfov", "60"},
		"a camera 0 m above the ground":                                                      {"--height", "0", "--tilt", "30", "--hfov", "60"},
		"--points beside --height, --tilt or --hfov says the same thing twice":               {"--height", "5", "--points", measured},
		"--points has 3 places: four are needed":                                             {"--points", "0,0=0,0 1,0=1,0 1,1=1,1"},
		`place 2, "1;0=1,0": write it as x,y=X,Y`:                                            {"--points", "0,0=0,0 1;0=1,0 1,1=1,1 0,1=0,1"},
		"points 1, 2 and 3 lie on one line in the picture":                                   {"--points", "0,0=0,0 0.5,0=1,0 1,0=1,1 0,1=0,1"},
		`--aspect "wide": write the shape of the picture as 16:9`:                            {"--aspect", "wide", "--points", measured},
		"--config and --camera go together":                                                  {"--camera", "gate", "--points", measured},
		"--pixels 3: it must be from 64 to 16384":                                            {"--pixels", "3", "--points", measured},
		`what is "gate"? calibrate takes flags only`:                                         {"gate"},
		"flag provided but not defined: -hight":                                              {"--hight", "5"},
		"no ground within 1000 m is seen in the lower half of the picture: the horizon lies": {"--height", "200", "--tilt", "0", "--hfov", "1"},
	} {
		code, _, errs := tool(t, append([]string{"camera", "calibrate"}, args...)...)
		if code != ExitUsage || !strings.Contains(errs, want) {
			t.Errorf("%v: code %d: %s\nwant %s", args, code, errs, want)
		}
	}
	if code, _, errs := tool(t, "camera", "calibrate", "--points", "/no/file"); code != ExitFailed || !strings.Contains(errs, "no such file") {
		t.Errorf("code %d: %s", code, errs)
	}
	if out := must(t, "camera", "calibrate", "--help"); !strings.Contains(out, "--tilt") || !strings.Contains(out, "example:\n  bongsu-edge camera calibrate --height 5") {
		t.Error(out)
	}
}

// TestCalibrateWritesToItsOwnFileOnly: a camera of the browser gets its ground, with all else as it
// was; what its owner wrote is left to its owner.
func TestCalibrateWritesToItsOwnFileOnly(t *testing.T) {
	dir := t.TempDir()
	edge := put(t, dir, "edge.yaml", "data_dir: "+dir+"\ndefaults: {model: m}\ncameras:\n  - {id: gate, url: 'rtsp://192.0.2.1/s'}\n")
	managed := put(t, dir, config.ManagedName, "cameras:\n  - {id: yard, name: 마당, url: 'rtsp://192.0.2.2/s', username: u, password_file: "+filepath.Join(dir, "p")+"}\n")
	calibrate := func(camera string) string {
		return must(t, "camera", "calibrate", "--points", measured, "--config", edge, "--camera", camera)
	}
	before, _ := os.ReadFile(edge)
	if out := calibrate("gate"); !strings.Contains(out, "camera gate stands in "+edge+", which is its owner's; write into it:\n\n    ground: {points:") {
		t.Error(out)
	}
	if out := calibrate("yard"); !strings.Contains(out, "written to "+managed) {
		t.Error(out)
	}
	if after, _ := os.ReadFile(edge); string(after) != string(before) {
		t.Errorf("edge.yaml is\n%s", after)
	}
	cfg, err := config.Load(edge)
	if err != nil {
		t.Fatal(err)
	}
	yard := cfg.Cameras[1]
	if yard.Ground == nil || cfg.Cameras[0].Ground != nil || yard.Name != "마당" || yard.PasswordFile != filepath.Join(dir, "p") {
		t.Errorf("%+v", yard)
	}
	if code, _, errs := tool(t, "camera", "calibrate", "--points", measured, "--config", edge, "--camera", "none"); code != ExitUsage || !strings.Contains(errs, `there is no camera "none"`) {
		t.Errorf("code %d: %s", code, errs)
	}
}
