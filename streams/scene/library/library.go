// Package library holds scenes that come with the program, each a YAML file named for what happens
// in it. Some have events, some show an ordinary quiet day: a rule is judged by both.
package library

import (
	"embed"
	"io/fs"
	"slices"
	"strings"

	"bongsu"
	"bongsu/streams/scene"
)

//go:embed *.yaml
var files embed.FS

// Names lists the scenes in alphabetical order.
func Names() []string {
	var out []string
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil // an embedded folder can be read
	}
	for _, e := range entries {
		out = append(out, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	slices.Sort(out)
	return out
}

// Source gives the file of a scene. An unknown name is a bongsu.Error with CodeNotFound.
func Source(name string) ([]byte, error) {
	data, err := files.ReadFile(name + ".yaml")
	if err != nil {
		return nil, bongsu.Errorf(bongsu.CodeNotFound, "there is no scene %q in the library: bongsu-edge scene list names them", name)
	}
	return data, nil
}

// Open reads a scene of the library.
func Open(name string) (*scene.Scene, error) {
	data, err := Source(name)
	if err != nil {
		return nil, err
	}
	return scene.Parse(name+".yaml", data)
}
