//go:build !cgo

package ort_test

import (
	"errors"
	"testing"

	"bongsu"
	"bongsu/models/ort"
)

func TestWithoutCgo(t *testing.T) {
	_, session := ort.NewSession(ort.Options{})
	for _, err := range []error{ort.Load("lib.so"), session, ort.Try("model.onnx", nil), (&ort.Binding{}).Run()} {
		if !errors.Is(err, bongsu.ErrNoCgo) {
			t.Errorf("%v", err)
		}
	}
}
