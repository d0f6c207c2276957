// Package modelstest holds what tests of detectors share: a fake detector that follows a
// script, tiny ONNX models whose answers are known, and the suites that every Detector and
// every Head passes.
package modelstest
