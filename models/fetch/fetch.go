// Package fetch downloads one file over HTTPS into a folder, so that a download that was cut
// goes on where it stopped: RFC 9110, sections 13 and 14 (If-Range, Range). It knows nothing of
// what the file holds; whoever asked for it compares the hash.
package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"bongsu"
)

// Defaults and limits.
const (
	DefaultStall = 30 * time.Second
	maxRedirects = 5
	maxRestarts  = 5                   // of one call, when the server cannot continue
	keepParts    = 30 * 24 * time.Hour // unfinished downloads older than this are removed
)

// Options of Get.
type Options struct {
	Dir      string                  // where downloads wait until they are whole; made when needed
	MaxBytes int64                   // a larger file is refused
	Client   *http.Client            // nil means one that follows HTTPS_PROXY
	Stall    time.Duration           // silence after which a connection is given up; 0 means DefaultStall
	Progress func(done, total int64) // bytes; total 0 when nobody knows it; nil tells nobody
	Now      func() time.Time        // nil means time.Now
}

// File is a whole downloaded file. Its owner calls Remove or Close.
type File struct {
	Path   string
	Bytes  int64
	SHA256 string // lower-case hex
	f      *os.File
	meta   string
}

// Close leaves the file where it is: asked for again, it is compared and not loaded again.
func (d *File) Close() error { return d.f.Close() }

// Remove deletes the file.
func (d *File) Remove() error {
	return errors.Join(os.Remove(d.Path), os.Remove(d.meta), d.f.Close())
}

// download is one call of Get.
type download struct {
	o      Options
	client *http.Client
	url    *url.URL
	shown  string // without what may be secret
	f      *os.File
	state  state
	meta   string
	have   int64 // bytes in f

	got      int64 // bytes that came in this call
	restarts int   // how often it began anew
}

// Get downloads the file at address, which is https, or http on this machine itself. It blocks
// until the file is whole, ctx ends or it cannot go on; what has come is kept, and the next
// call for the same address continues. A connection that breaks is opened again as long as
// each one brings something.
func Get(ctx context.Context, address string, o Options) (*File, error) {
	u, err := Parse(address)
	if err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Stall <= 0 {
		o.Stall = DefaultStall
	}
	d := &download{o: o, url: u, shown: Show(u)}
	d.client = d.newClient()
	defer func() {
		if o.Client == nil {
			d.client.CloseIdleConnections()
		}
	}()
	if err := d.open(); err != nil {
		return nil, err
	}
	file, err := d.finish(ctx)
	if err != nil {
		if d.have == 0 {
			err = errors.Join(err, d.clear())
		}
		d.f.Close()
		return nil, err
	}
	return file, nil
}

// Parse checks an address that a user gave.
func Parse(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil, bongsu.Errorf(bongsu.CodeInvalid, "this is no web address: give it as https://host/path/model.onnx")
	}
	if u.User != nil {
		return nil, bongsu.Errorf(bongsu.CodeInvalid, "the address of %s holds a user name or password, and others can read those in a command: fetch the file yourself and install the file", Show(u))
	}
	if !allowed(u) {
		return nil, bongsu.Errorf(bongsu.CodeInvalid, "%s is no https address: models are downloaded over https only (http from this machine itself)", Show(u))
	}
	return u, nil
}

// allowed says whether nobody on the way can change what comes from u.
func allowed(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && ip != nil && ip.IsLoopback()
}

// Show gives an address without user, password and query, which may be secret.
func Show(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

func (d *download) newClient() *http.Client {
	c := http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
	if d.o.Client != nil {
		c = *d.o.Client
	}
	c.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		// Only who asked this machine itself may be sent to it without encryption.
		if !allowed(req.URL) || d.url.Scheme == "https" && req.URL.Scheme != "https" {
			return bongsu.Errorf(bongsu.CodeInvalid, "%s sends on to %s, which is no https address: nothing was downloaded from there", d.shown, Show(req.URL))
		}
		if len(via) > maxRedirects {
			return bongsu.Errorf(bongsu.CodeInvalid, "%s sends on and on, more than %d times: give the address of the file itself", d.shown, maxRedirects)
		}
		return nil
	}
	return &c
}

// open opens and locks the part, and finds out how much of it is there.
func (d *download) open() error {
	if err := os.MkdirAll(d.o.Dir, 0o755); err != nil {
		return d.diskError(err)
	}
	d.sweep()
	name := sha256.Sum256([]byte(d.url.String()))
	base := filepath.Join(d.o.Dir, hex.EncodeToString(name[:12]))
	f, err := os.OpenFile(base+".part", os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return d.diskError(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return bongsu.Wrap(bongsu.CodeConflict, err, "another program is downloading %s into %s: wait for it", d.shown, d.o.Dir)
	}
	d.f, d.meta = f, base+".json"
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		f.Close()
		return d.diskError(err)
	}
	d.state, d.have = readState(d.meta), size
	if d.state.Validator == "" || size > d.o.MaxBytes {
		return d.restart()
	}
	return nil
}

// sweep removes downloads that nobody went on with.
func (d *download) sweep() {
	entries, _ := os.ReadDir(d.o.Dir)
	for _, e := range entries {
		ext := filepath.Ext(e.Name())
		if info, err := e.Info(); err == nil && (ext == ".part" || ext == ".json") && d.o.Now().Sub(info.ModTime()) > keepParts {
			os.Remove(filepath.Join(d.o.Dir, e.Name()))
		}
	}
}

// restart forgets what has come.
func (d *download) restart() error {
	d.state, d.have = state{}, 0
	d.restarts++
	if err := d.f.Truncate(0); err != nil {
		return d.diskError(err)
	}
	return nil
}

// clear removes the traces of a download of which nothing came.
func (d *download) clear() error {
	if err := os.Remove(d.meta); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Remove(d.f.Name())
}

// finish asks until the file is whole.
func (d *download) finish(ctx context.Context) (*File, error) {
	for {
		before := d.got
		err := d.attempt(ctx)
		var told *bongsu.Error
		switch {
		case err == nil:
			return d.hash()
		case errors.As(err, &told):
			return nil, told
		case ctx.Err() != nil, d.got == before && !errors.Is(err, errAnew), d.restarts > maxRestarts:
			return nil, d.stopped(ctx, err)
		}
	}
}

// stopped says how far it came. The cause of an ended ctx is left out: the user knows it.
func (d *download) stopped(ctx context.Context, cause error) error {
	if ctx.Err() == nil && d.have == 0 {
		return bongsu.Wrap(bongsu.CodeUnavailable, cause,
			"%s cannot be reached: look at this machine's network, name server and HTTPS_PROXY, or fetch the file elsewhere and install the file", d.shown)
	}
	of := ""
	if d.state.Total > 0 {
		of = fmt.Sprintf(" of %d", d.state.Total)
	}
	e := bongsu.Errorf(bongsu.CodeUnavailable, "the download of %s stopped after %d%s bytes: the same command goes on from there", d.shown, d.have, of)
	if ctx.Err() == nil {
		e.Err = cause
	}
	return e
}

func (d *download) hash() (*File, error) {
	if _, err := d.f.Seek(0, io.SeekStart); err != nil {
		return nil, d.diskError(err)
	}
	h := sha256.New()
	n, err := io.Copy(h, d.f)
	if err != nil {
		return nil, d.diskError(err)
	}
	return &File{Path: d.f.Name(), Bytes: n, SHA256: hex.EncodeToString(h.Sum(nil)), f: d.f, meta: d.meta}, nil
}

func (d *download) diskError(err error) error {
	return bongsu.Wrap(bongsu.CodeUnavailable, err, "%s cannot be downloaded into %s", d.shown, d.o.Dir)
}

// tooLarge refuses a file; what came of it is of no use.
func (d *download) tooLarge(bytes int64) error {
	if err := d.restart(); err != nil {
		return err
	}
	size := "more"
	if bytes > 0 {
		size = fmt.Sprint(bytes)
	}
	return bongsu.Errorf(bongsu.CodeTooLarge, "%s has %s bytes, at most %d are downloaded: it is another file than it should be", d.shown, size, d.o.MaxBytes)
}

// inner takes the address off an error of the client: after redirects it may hold secrets.
func inner(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func isPage(header http.Header) bool {
	kind, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	return kind == "text/html" || kind == "application/xhtml+xml"
}
