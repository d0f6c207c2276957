// Package bongsu holds the words of the domain: frames, detections, tracks, events, clips,
// alerts, and the wire forms that edge and cloud share. It imports the standard library only,
// so that every other package can lean on it. Start with event.go; docs/glossary.md explains
// the words.
package bongsu
