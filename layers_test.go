package bongsu_test

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// layer says what one part of the tree may import of the tree. The first row whose prefix fits
// a package decides; a package that no row fits fails the test.
type layer struct {
	prefix string   // package path below bongsu/, or "" for the root
	may    []string // prefixes below bongsu/ that it may import, besides the root and itself
	why    string
}

// layers is section 3 of the architecture: who may lean on whom.
var layers = []layer{
	{"", nil, "the domain's words lean on nothing"},

	{"streams/mp4", []string{"streams"}, "formats know access units only"},
	{"streams/ring", []string{"streams"}, "holds access units"},
	{"streams/avcodec", []string{"streams"}, "access unit to picture"},
	{"streams/rtsp", []string{"streams"}, "a Source"},
	{"streams/replay", []string{"streams", "streams/mp4"}, "a Source made of a file"},
	{"streams/truth", nil, "what really happened: values and codecs over the root's words"},
	{"streams/scene/film", []string{"streams"}, "a rendered scene as a file: scene, truth, avcodec and mp4 meet here"},
	{"streams/scene/suite", []string{"streams"}, "clips of events with their truth and rules; films are made by film"},
	{"streams/scene/random", []string{"streams/scene", "streams/truth"}, "scenes of chance, to learn from"},
	{"streams/scene", []string{"streams/truth"}, "renders pictures and their truth in pure Go"},
	{"streams/streamstest", []string{"streams", "streams/mp4"}, "serves access units over RTSP; tests and the demo's cameras only"},
	{"streams", nil, "the words of streams"},

	{"models/manifest", []string{"models"}, "a file format"},
	{"models/catalog", []string{"models", "models/manifest"}, "model packages on disk and where they come from; the trial run is injected"},
	{"models/tensor", []string{"models"}, "picture to tensor"},
	{"models/ort", []string{"models", "models/manifest", "models/tensor"}, "sessions over tensors"},
	{"models/batch", []string{"models", "models/manifest", "models/tensor", "models/ort", "models/yolox", "models/yolo"}, "shares one session between cameras"},
	{"models/yolox", []string{"models"}, "a head"},
	{"models/yolo", []string{"models", "models/yolox"}, "a head"},
	{"models/nanodet", []string{"models"}, "a head"},
	{"models/eval", []string{"models"}, "scores detectors against truth; whoever runs them is injected"},
	{"models/nano", nil, "the bytes of the default model"},
	{"models/fetch", nil, "a file over HTTPS; knows nothing of models"},
	{"models/modelstest", []string{"models", "models/manifest"}, "fakes and suites"},
	{"models", nil, "the words of models"},

	{"edge/link", nil, "the words between node and worker"},
	{"edge/crash", nil, "memory that outlives a worker; both ends know the root only"},
	{"edge/vision", nil, "a stage knows no other stage"},
	{"edge/track", nil, "a stage knows no other stage"},
	{"edge/rules", nil, "a stage knows no other stage"},
	{"edge/events", nil, "a stage knows no other stage"},
	{"edge/score", []string{"streams/truth"}, "what was reported against what happened: values only"},
	{"edge/clips", []string{"streams"}, "event to clip through ring and mp4"},
	{"edge/outbox", nil, "a store knows nobody above it"},
	{"edge/uplink", []string{"edge/outbox"}, "empties the outbox"},
	{"edge/live", nil, "brings pictures to the cloud; whoever has them is injected"},
	{"edge/config", []string{"edge/link"}, "edge.yaml to assignments"},
	{"edge/setup", []string{"edge/config"}, "does what the cloud asks for of the cameras' configuration; how a camera is looked at is injected"},
	{"edge/obs", nil, "numbers and pages about whoever registers"},
	{"edge/pipeline", []string{"streams", "models", "edge/vision", "edge/track", "edge/rules", "edge/events", "edge/clips", "edge/obs"}, "the only place where stages meet"},
	{"edge/worker", []string{"edge/crash", "streams", "models", "edge/pipeline", "edge/link", "edge/clips", "edge/rules", "edge/track", "edge/vision", "edge/obs", "edge/events"}, "runs pipelines in a process"},
	{"edge/node", []string{"edge/crash", "edge/link", "edge/outbox", "edge/uplink", "edge/config", "edge/obs", "streams/mp4"}, "owns events and the uplink; streams/mp4 is pure Go and salvages torn clips"},
	{"edge/cmd", []string{"streams", "models", "edge"}, "composes"},

	{"cloud/queue", []string{"cloud/queue"}, "a contract and its backends"},
	{"cloud/objects", []string{"cloud/objects"}, "a contract and its backends"},
	{"cloud/archive", []string{"cloud/archive"}, "a contract and its backends"},
	{"cloud", []string{"cloud"}, "the cloud knows neither edge nor streams nor models"},

	{"benchmarks", []string{"streams", "models", "edge", "cloud", "deploy"}, "may import anything; nothing imports it"},
	{"deploy/demo/cmd/bongsu-camera", []string{"streams"}, "a camera made of a file, over streamstest"},
	{"deploy/faults", nil, "relay, power cuts, sick disks, witnesses: breaks and watches what tests give it and knows nobody; only tests import it"},
	{"deploy/demo", []string{"deploy/demo", "streams/scene", "streams/scene/library", "models/nano"}, "starts the built programs; knows the root, the scenes that its story is made of, and what the built-in model is good for"},
	{"deploy", nil, "what is deployed, and tests of it: no code"},
	{"docs", nil, "no code but generators"},
}

// cHomes are the packages that may hold C, or a library that does.
var cHomes = []string{"bongsu/streams/avcodec", "bongsu/models/tensor", "bongsu/models/ort", "bongsu/edge/vision"}

// libraryHomes keeps a library to the packages that own it.
var libraryHomes = map[string][]string{
	"gocv.io/":                        {"bongsu/edge/vision"},
	"github.com/yalue/onnxruntime_go": {"bongsu/models/ort"},
	"github.com/bluenviron/gortsplib": {"bongsu/streams/rtsp", "bongsu/streams/streamstest"},
	"github.com/redis/":               {"bongsu/cloud/queue/redisq"},
	"modernc.org/sqlite":              {"bongsu/edge/outbox", "bongsu/cloud/archive/sqlite"},
	"github.com/coder/websocket":      {"bongsu/edge/live", "bongsu/cloud/live", "bongsu/edge/cmd"},
	"github.com/hanwen/go-fuse":       {"bongsu/deploy/faults/sickdisk"},
	"github.com/chromedp/":            {"bongsu/deploy/demo", "bongsu/benchmarks"},
	"github.com/minio/minio-go":       {"bongsu/cloud/objects"},
}

// pureEdge are the parts of the edge whose dependencies hold no C: the node survives what a
// camera sends because no C of ours runs in it.
var pureEdge = []string{"node", "outbox", "uplink", "config", "obs", "events", "track", "rules", "score", "link", "live", "crash", "setup"}

func goList(t *testing.T, env []string, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.Output()
	if err != nil {
		msg := err.Error()
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			msg += ": " + string(exit.Stderr)
		}
		t.Fatalf("go list %v: %s", args, msg)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

func below(pkg, prefix string) bool {
	return pkg == prefix || strings.HasPrefix(pkg, prefix+"/")
}

func layerOf(pkg string) (layer, bool) {
	for _, l := range layers {
		if l.prefix == "" && pkg == "" || l.prefix != "" && below(pkg, l.prefix) {
			return l, true
		}
	}
	return layer{}, false
}

func (l layer) allows(imported string) bool {
	return imported == "" || below(imported, l.prefix) ||
		slices.ContainsFunc(l.may, func(p string) bool { return below(imported, p) })
}

func trimModule(pkg string) (string, bool) {
	if pkg == "bongsu" {
		return "", true
	}
	return strings.CutPrefix(pkg, "bongsu/")
}

func TestImportArrows(t *testing.T) {
	for _, line := range goList(t, nil, "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...") {
		words := strings.Fields(line)
		pkg, _ := trimModule(words[0])
		l, ok := layerOf(pkg)
		if !ok {
			t.Errorf("%s stands in no row of the table: give it one, with a reason", words[0])
			continue
		}
		for _, imp := range words[1:] {
			if inner, ours := trimModule(imp); ours && !l.allows(inner) {
				t.Errorf("%s imports %s; it may import %v (%s)", words[0], imp, l.may, l.why)
			}
			if pkg == "" && strings.Contains(strings.SplitN(imp, "/", 2)[0], ".") {
				t.Errorf("the root imports %s; it may import the standard library only", imp)
			}
		}
	}
}

func TestLibrariesStayAtHome(t *testing.T) {
	for _, line := range goList(t, nil, "-f", `{{.ImportPath}} {{join .Imports " "}} {{join .TestImports " "}} {{join .XTestImports " "}}`, "./...") {
		words := strings.Fields(line)
		for _, imp := range words[1:] {
			for lib, homes := range libraryHomes {
				at := func(h string) bool { return below(words[0], h) }
				if strings.HasPrefix(imp, lib) && !slices.ContainsFunc(homes, at) {
					t.Errorf("%s imports %s, whose homes are %v", words[0], imp, homes)
				}
			}
		}
	}
}

func TestCHomes(t *testing.T) {
	for _, line := range goList(t, []string{"CGO_ENABLED=1"}, "-f", `{{if .CgoFiles}}{{.ImportPath}}{{end}}`, "./...") {
		if line != "" && !slices.Contains(cHomes, line) {
			t.Errorf("%s holds C; the C homes are %v", line, cHomes)
		}
	}
}

// cgoDeps lists the packages among pattern's dependencies that hold C and are not Go's own.
func cgoDeps(t *testing.T, patterns ...string) []string {
	args := append([]string{"-deps", "-f", `{{if .CgoFiles}}{{if not .Standard}}{{.ImportPath}}{{end}}{{end}}`}, patterns...)
	return slices.DeleteFunc(goList(t, []string{"CGO_ENABLED=1"}, args...), func(s string) bool { return s == "" })
}

func TestCloudAndNodeArePure(t *testing.T) {
	patterns := []string{"./cloud/..."}
	for _, p := range pureEdge {
		patterns = append(patterns, "./edge/"+p+"/...")
	}
	if got := cgoDeps(t, patterns...); len(got) > 0 {
		t.Errorf("C among the dependencies of the cloud or the node: %v", got)
	}
	// A check that cannot fail is no check: the worker does lean on C, and this finds it.
	if got := cgoDeps(t, "./streams/avcodec"); len(got) == 0 {
		t.Error("the search for C found none in streams/avcodec, where there is some")
	}
}
