package clips

import (
	"errors"
	"io/fs"

	"bongsu"
	"bongsu/streams/mp4"
)

// Salvage says what became of a part whose record says writing, after its writer died; path
// is the one that Options.Open gave. The Clip returned is ready (its file was finished), torn
// (what was whole is a finished file now) or failed (there is nothing; the file is removed),
// durable on return. Clips that are closed are left alone. The error says why a part failed,
// and that the disk did when the Clip is still writing: then it is to be tried again. files
// may be nil: the disk. It blocks on the disk, for about the time of copying the file.
func Salvage(files mp4.FS, c bongsu.Clip, path string) (bongsu.Clip, error) {
	if c.State != bongsu.ClipWriting {
		return c, nil
	}
	if files == nil {
		files = mp4.Disk{}
	}
	s, err := mp4.Salvage(files, path)
	if err == nil {
		fill(&c, s)
		c.State = bongsu.ClipReady
		if !s.Whole {
			c.State, c.Tainted = bongsu.ClipTorn, true
		}
		return c, nil
	}
	if !hopeless(err) {
		return c, err
	}
	if removed := remove(files, path); removed != nil {
		return c, errors.Join(err, removed)
	}
	c.State = bongsu.ClipFailed
	return c, err
}

// hopeless reports whether err is about the file's content, not about the disk.
func hopeless(err error) bool {
	var format *mp4.FormatError
	return errors.Is(err, mp4.ErrNothingWhole) || errors.Is(err, fs.ErrNotExist) || errors.As(err, &format)
}
