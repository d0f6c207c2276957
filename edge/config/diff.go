package config

import (
	"reflect"

	"bongsu"
	"bongsu/edge/link"
)

// Changes is what a new configuration means for the cameras; those in none of the lists run on
// untouched.
type Changes struct {
	Added   []link.Assignment
	Changed []link.Assignment // as they are to be from now on
	Removed []bongsu.CameraID
}

// Empty reports whether no camera is touched.
func (c Changes) Empty() bool { return len(c.Added)+len(c.Changed)+len(c.Removed) == 0 }

// Diff compares what workers were told with what they are to be told, camera by camera, each
// list in the order of its input. A new password counts as a change.
func Diff(old, new []link.Assignment) Changes {
	var c Changes
	before := make(map[bongsu.CameraID]*link.Assignment, len(old))
	for i := range old {
		before[old[i].Camera] = &old[i]
	}
	for _, a := range new {
		was, known := before[a.Camera]
		switch {
		case !known:
			c.Added = append(c.Added, a)
		case !reflect.DeepEqual(*was, a):
			c.Changed = append(c.Changed, a)
		}
		delete(before, a.Camera)
	}
	for _, a := range old {
		if _, gone := before[a.Camera]; gone {
			c.Removed = append(c.Removed, a.Camera)
		}
	}
	return c
}

// NeedsRestart names the keys that differ and take effect only when the node is started anew;
// cameras and defaults do not.
func NeedsRestart(old, new Config) []string {
	old.Cloud.SetsUpCameras = new.Cloud.SetsUpCameras // it is looked up anew for every wish
	old.Edge.Timezone = new.Edge.Timezone             // cameras are told
	var keys []string
	for _, k := range []struct {
		name     string
		old, new any
	}{
		{"edge", old.Edge, new.Edge},
		{"data_dir", old.DataDir, new.DataDir},
		{"models_dir", old.ModelsDir, new.ModelsDir},
		{"cloud", old.Cloud, new.Cloud},
		{"debug", old.Debug, new.Debug},
		{"workers", old.Workers, new.Workers},
		{"outbox", old.Outbox, new.Outbox},
	} {
		if k.old != k.new {
			keys = append(keys, k.name)
		}
	}
	return keys
}
