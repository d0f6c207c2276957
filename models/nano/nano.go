// Package nano carries bongsu-nano, the detector that comes with the program: its file and its
// manifest. CARD.md beside it says what it was trained on, what it scores and what it cannot do;
// models/train makes it.
package nano

import (
	_ "embed" // puts both files into the program
)

// Name is the model's.
const Name = "bongsu-nano"

//go:embed bongsu-nano.onnx
var model []byte

//go:embed manifest.yaml
var text []byte

// Model gives the ONNX file, which must not be changed.
func Model() []byte { return model }

// Manifest gives the text of its manifest, which must not be changed.
func Manifest() []byte { return text }
