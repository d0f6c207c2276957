//go:build race

package outbox

// raceOn says that the race detector slows everything down.
const raceOn = true
