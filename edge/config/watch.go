package config

import (
	"context"
	"crypto/sha256"
	"time"
)

// WatchOptions says what Watch looks at, and how often.
type WatchOptions struct {
	Path  string
	Every time.Duration                        // between two looks; 2 s when zero
	Files Files                                // OS when nil
	After func(time.Duration) <-chan time.Time // time.After when nil
}

// Watch looks at edge.yaml and the password files it names every o.Every, and calls changed
// when any of them has become different: with the new configuration, or with what is wrong
// with it. After an error the caller goes on with the last good configuration; the same bad
// file is reported once. The first look is at once and calls changed only if the file is not
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
	w.config, w.secrets = loaded.digest, secretsDigest(o.Files, loaded)
	for {
		w.look(changed)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-o.After(o.Every):
		}
	}
}

// watcher holds what was seen last.
type watcher struct {
	o       WatchOptions
	good    Config   // last that was right
	config  [32]byte // digest of the file as last seen; of an error's text when it cannot be read
	secrets [32]byte // digest of all password files of good
}

func (w *watcher) look(changed func(Config, error)) {
	data, err := w.o.Files.ReadFile(w.o.Path)
	digest := sha256.Sum256(data)
	if err != nil {
		digest = sha256.Sum256([]byte(err.Error()))
	}
	if digest != w.config {
		w.config = digest
		c, err := LoadFrom(w.o.Files, w.o.Path)
		if err == nil {
			w.good, w.secrets = c, secretsDigest(w.o.Files, c)
		}
		changed(c, err)
		return
	}
	if secrets := secretsDigest(w.o.Files, w.good); secrets != w.secrets {
		w.secrets = secrets
		changed(w.good, nil)
	}
}

// secretsDigest changes when a password file does, its permissions included.
func secretsDigest(files Files, c Config) [32]byte {
	h := sha256.New()
	for _, cam := range c.Cameras {
		if cam.PasswordFile == "" {
			continue
		}
		password, err := readPassword(files, cam.PasswordFile)
		if err != nil {
			password = err.Error()
		}
		sum := sha256.Sum256([]byte(password))
		h.Write(sum[:])
	}
	return [32]byte(h.Sum(nil))
}
