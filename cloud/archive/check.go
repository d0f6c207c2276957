package archive

// Breach is one violated invariant of docs/design/durability.md.
type Breach struct {
	Invariant string `json:"invariant"` // "C1" ...
	Where     string `json:"where"`     // the first row that violates it, or what is damaged
	What      string `json:"what"`      // what should hold
}

// Named is an object that a row names.
type Named struct {
	Key    string
	SHA256 string
	What   string // such as "clip part 0 of event 0193..."
}
