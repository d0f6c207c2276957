package config

import (
	"context"
	"crypto/sha256"
	"slices"
	"time"
)

// WatchOptions says what Watch looks at, and how often.
type WatchOptions struct {
	Path  string
	Every time.Duration                        // between two looks; 2 s when zero
	Poke  <-chan struct{}                      // look at once, for what is written whole; may be nil
	Files Files                                // OS when nil
	After func(time.Duration) <-chan time.Time // time.After when nil
}

// Watch looks at edge.yaml, the cameras that were set up in the browser, and the password files they
// name every o.Every, and calls changed
// when any of them has become different: with the new configuration, or with what is wrong
// with it. After an error the caller goes on with the last good configuration; the same bad
// file is reported once. A change counts when two looks, a quarter of a second apart, see the
// same: an editor that does not replace the file writes it in pieces. A file that has lost its
// cameras key altogether is a mistake, too: it looks cut off. The first look is at once and calls changed only if the file is not
// what loaded was made from, so that nothing is missed between Load and Watch: give the zero
// Config to hear of it in any case. Watch reads by content, because editors and configuration
// maps replace files and keep or fake times. It calls changed from its own goroutine, blocks
// until ctx ends, and returns ctx's error.
func Watch(ctx context.Context, o WatchOptions, loaded Config, changed func(Config, error)) error {
	if o.Every <= 0 {
		o.Every = 2 * time.Second
	}
	if o.Files == nil {
		o.Files = OS
	}
	if o.After == nil {
		o.After = time.After
	}
	w := watcher{o: o, good: loaded}
	if loaded.DataDir != "" {
		w.managed = loaded.ManagedFile()
	}
	w.config, w.secrets = loaded.digest, secretsDigest(o.Files, loaded)
	for {
		wait := o.Every
		if w.look(changed) {
			wait = min(settle, o.Every)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-o.After(wait):
		case <-o.Poke:
			if w.look(changed) {
				w.look(changed) // nobody writes it in pieces
			}
		}
	}
}

// settle is how long a changed file must stay the same before it counts.
const settle = 250 * time.Millisecond

// watcher holds what was seen last.
type watcher struct {
	o       WatchOptions
	managed string   // set before use: the file of the cameras set up in the browser; data_dir changes with a restart only
	good    Config   // last that was right
	config  [32]byte // digest of the files as last acted upon; of an error's text when one cannot be read
	fresh   [32]byte // digest of a change that was seen once
	secrets [32]byte // digest of all password files of good
}

// look reports whether something has changed that must be seen once more before it counts.
func (w *watcher) look(changed func(Config, error)) (again bool) {
	data, err := w.o.Files.ReadFile(w.o.Path)
	if w.managed == "" { // as long as no file was right nobody knows where the other one is
		c, bad := Parse(w.o.Path, data)
		if err == nil && bad == nil {
			w.managed = c.ManagedFile()
		}
	}
	var managed []byte
	if err == nil && w.managed != "" {
		managed, err = readManaged(w.o.Files, w.managed)
	}
	digest := digestOf(sha256.Sum256(data), managed)
	if err != nil {
		digest = sha256.Sum256([]byte(err.Error()))
	}
	if digest != w.config {
		if digest != w.fresh {
			w.fresh = digest
			return true
		}
		w.config = digest
		changed(w.take(data, managed, err))
		return false
	}
	w.fresh = digest
	if secrets := secretsDigest(w.o.Files, w.good); secrets != w.secrets {
		w.secrets = secrets
		changed(w.good, nil)
	}
	return false
}

// take reads what was seen twice.
func (w *watcher) take(data, managed []byte, err error) (Config, error) {
	if err != nil {
		return LoadFrom(w.o.Files, w.o.Path) // for its sentence
	}
	c, err := Parse(w.o.Path, data)
	if err == nil && !c.listed && slices.ContainsFunc(w.good.Cameras, func(cam Camera) bool { return !cam.Managed }) {
		err = Errors{{File: w.o.Path, Message: "the file looks cut off: it has no cameras any more; write `cameras: []` to remove them all"}}
	}
	if err == nil {
		err = c.with(w.managed, managed)
	}
	if err != nil {
		return Config{}, err
	}
	w.good, w.secrets = c, secretsDigest(w.o.Files, c)
	return c, nil
}

// secretsDigest changes when a password or authority file does, its permissions included.
func secretsDigest(files Files, c Config) [32]byte {
	h := sha256.New()
	for _, cam := range c.Cameras {
		if cam.PasswordFile == "" && cam.TLS.CAFile == "" {
			continue
		}
		for _, read := range []func() (string, error){
			func() (string, error) { return readPassword(files, cam.PasswordFile) },
			func() (string, error) { return readAuthority(files, cam.TLS.CAFile) },
		} {
			text, err := read()
			if err != nil {
				text = err.Error()
			}
			sum := sha256.Sum256([]byte(text))
			h.Write(sum[:])
		}
	}
	return [32]byte(h.Sum(nil))
}
