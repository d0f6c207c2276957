//go:build cgo

package tensor

// Algorithms are libswscale's ways to scale, by the names of its flags.
var Algorithms = []struct {
	Name string
	Flag int
}{
	{"area", 0x20}, {"bilinear", 2}, {"fast-bilinear", 1}, {"bicubic", 4}, {"point", 0x10},
}

// Scale makes new buffers scale with the flag; it gives back what was there.
func Scale(flag int) (restore func()) {
	old := algorithm
	algorithm = flag | 0x40000
	return func() { algorithm = old }
}
