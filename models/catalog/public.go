package catalog

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"bongsu"
	"bongsu/models/manifest"

	"github.com/goccy/go-yaml"
)

// Public is a detector that others published under a permissive licence and that can be
// installed by its name. Nothing of it comes with the program but this description.
type Public struct {
	Name        string // of the model, once installed
	Family      string // of heads; "" as long as this program has none for it
	Width       int    // of the model's input, pixels
	Height      int
	Layout      string // what goes in and what comes out, for people
	Licence     string // SPDX expression
	LicenceText string // address of the licence
	Address     string // of the file; "" when Family is
	Home        string // address of the project
	Version     string // of the model
	SHA256      string // of the file, when we have seen it; "" otherwise: then the first one installed counts
	Why         string // why it cannot be installed, when Family is ""

	like    string            // the known manifest that its own is made after
	outputs []manifest.Output // of its own manifest
}

const (
	yoloxRelease = "https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0/"
	yoloxHome    = "https://github.com/Megvii-BaseDetection/YOLOX"
	yoloxLicence = "https://github.com/Megvii-BaseDetection/YOLOX/blob/main/LICENSE"
	// motCommit pins the file itself, not only its name.
	motCommit = "16cf07242fc295317201419bc76c236705655171"
)

func publicYOLOX(size string, pixels int, points int64) Public {
	return Public{
		Name: fmt.Sprintf("yolox_%s_%d", size, pixels), Family: "yolox", Width: pixels, Height: pixels,
		Layout:  fmt.Sprintf("in [1, 3, %d, %d] BGR 0-255, out [1, %d, 85]", pixels, pixels, points),
		Licence: "Apache-2.0", LicenceText: yoloxLicence, Address: yoloxRelease + "yolox_" + size + ".onnx", Home: yoloxHome, Version: "0.1.1rc0",
		like: "yolox_nano_416", outputs: []manifest.Output{{Name: "output", Shape: []int64{1, points, 85}}},
	}
}

// publics is the catalogue. A hash stands only where we have had the file in our hands.
var publics = []Public{
	publicYOLOX("nano", 416, 3549),
	publicYOLOX("tiny", 416, 3549),
	publicYOLOX("s", 640, 8400),
	publicYOLOX("m", 640, 8400),
	{
		Name: "nanodet_m_416", Family: "nanodet", Width: 416, Height: 416,
		Layout:  "in [1, 3, 416, 416] BGR, mean and std; out six: scores [1, points, 80] and distances [1, points, 32] of strides 8, 16, 32",
		Licence: "Apache-2.0", LicenceText: "https://github.com/RangiLyu/nanodet/blob/main/LICENSE",
		Address: "https://raw.githubusercontent.com/Kazuhito00/MOT-Tracking-by-Detection-Pipeline/" + motCommit + "/Detector/nanodet/model/nanodet_m_416.onnx",
		Home:    "https://github.com/RangiLyu/nanodet", Version: "0.4.0",
		SHA256: "08b62b9ee4a7878e7a64d6ef4faf3074322c033a0252c83a20f41b86c76e8146",
	},
	{
		Name: "nanodet_plus_m_416", Width: 416, Height: 416, Layout: "in [1, 3, 416, 416] BGR, mean and std; out [1, 3598, 112], four strides in one",
		Licence: "Apache-2.0", LicenceText: "https://github.com/RangiLyu/nanodet/blob/main/LICENSE", Home: "https://github.com/RangiLyu/nanodet",
		Why: "the nanodet head reads six outputs of three strides",
	},
	{
		Name: "dfine_n_640", Width: 640, Height: 640, Layout: "in [1, 3, 640, 640] RGB 0-1, out logits [1, 300, 80] and boxes [1, 300, 4]",
		Licence: "Apache-2.0", LicenceText: "https://github.com/Peterande/D-FINE/blob/master/LICENSE", Home: "https://github.com/Peterande/D-FINE",
		Why: "there is no head for DETR's outputs yet",
	},
	{
		Name: "rtdetr_r18_640", Width: 640, Height: 640, Layout: "in [1, 3, 640, 640] RGB 0-1, out logits [1, 300, 80] and boxes [1, 300, 4]",
		Licence: "Apache-2.0", LicenceText: "https://github.com/lyuwenyu/RT-DETR/blob/main/LICENSE", Home: "https://github.com/lyuwenyu/RT-DETR",
		Why: "there is no head for DETR's outputs yet",
	},
}

// Publics lists the public detectors that are known, also those that cannot be installed yet.
func Publics() []Public { return slices.Clone(publics) }

// FindPublic finds a public detector by its name, or by the beginning of one that is no
// other's: yolox-tiny is yolox_tiny_416.
func FindPublic(name string) (Public, error) {
	word := strings.ReplaceAll(strings.ToLower(name), "-", "_")
	var found []Public
	var names []string
	for _, p := range publics {
		if p.Name == word {
			return p, nil
		}
		if strings.HasPrefix(p.Name, word+"_") {
			found = append(found, p)
		}
		if p.Family != "" {
			names = append(names, p.Name)
		}
	}
	if len(found) != 1 {
		return Public{}, bongsu.Errorf(bongsu.CodeNotFound, "no public model is called %q, and there is no such file: the names are %s", name, strings.Join(names, ", "))
	}
	return found[0], nil
}

// manifestText gives the manifest for a file of p with this hash.
func (p Public) manifestText(sha256 string) ([]byte, error) {
	m, err := knownNamed(p.like)
	if err != nil {
		return nil, err
	}
	m.Name, m.Version, m.File, m.SHA256 = p.Name, p.Version, p.Name+".onnx", sha256
	m.Family, m.Outputs, m.Licence, m.Origin = p.Family, p.outputs, p.Licence, p.Address
	m.Input.Width, m.Input.Height = p.Width, p.Height
	text, err := yaml.Marshal(m)
	if err != nil {
		return nil, err
	}
	return append([]byte("# Made by bongsu-edge model install from what it knows of "+p.Name+".\n"), text...), nil
}

//go:embed known/*.yaml
var knownFiles embed.FS

// eachKnown calls f with the manifests that come with the program until it returns false.
func eachKnown(f func(m *manifest.Manifest, text []byte) bool) error {
	entries, err := knownFiles.ReadDir("known")
	if err != nil {
		return err
	}
	for _, e := range entries {
		text, err := knownFiles.ReadFile("known/" + e.Name())
		if err != nil {
			return err
		}
		m, err := manifest.Parse(e.Name(), text)
		if err != nil {
			return err
		}
		if !f(m, text) {
			return nil
		}
	}
	return nil
}

// known finds the manifest that comes with the program for a file of this hash: nil when there
// is none.
func known(sha256 string) (found *manifest.Manifest, foundText []byte, err error) {
	err = eachKnown(func(m *manifest.Manifest, text []byte) bool {
		if m.SHA256 == sha256 {
			found, foundText = m, text
		}
		return found == nil
	})
	return found, foundText, err
}

func knownNamed(name string) (*manifest.Manifest, error) {
	var found *manifest.Manifest
	err := eachKnown(func(m *manifest.Manifest, _ []byte) bool {
		if m.Name == name {
			found = m
		}
		return found == nil
	})
	if err == nil && found == nil {
		err = fmt.Errorf("manifest %s does not come with the program", name)
	}
	return found, err
}
