package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

// built is the web application as `npm run build` in web/ leaves it; .keep lets Go build without.
//
//go:embed all:web/dist
var built embed.FS

// noConsole is what a browser sees when the program was built without the web application.
const noConsole = "The console's web application is not part of this build: run `make build`, or `npm ci && npm run build` in cloud/console/web before `go build`. The API is at /api/openapi.json.\n"

// file is what there is to say about one file of the web application.
type file struct{ media, etag string }

// files serves the web application from where it lies in the program: a copy would be 3.4 MiB that the collector
// lets another 3.4 MiB pile up over. Its pages are made in the browser, so the address of any page is
// answered with index.html.
type files struct {
	from fs.FS // its files can be sought in, as those of embed can
	all  map[string]file
}

func newFiles() files {
	sub, err := fs.Sub(built, "web/dist")
	if err != nil {
		return files{} // cannot be: the path is a constant
	}
	return readFiles(sub)
}

// readFiles reads all files; what cannot be read is not there.
func readFiles(from fs.FS) files {
	out := files{from, map[string]file{}}
	_ = fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Base(name) == ".keep" {
			return err
		}
		f, err := from.Open(name)
		if err != nil {
			return err
		}
		sum := sha256.New()
		if _, err := io.Copy(sum, f); err != nil {
			return errors.Join(err, f.Close())
		}
		out.all[name] = file{media: mediaType(name), etag: `"` + hex.EncodeToString(sum.Sum(nil)[:16]) + `"`}
		return f.Close()
	})
	return out
}

// mediaType names what the application consists of; the system's own table is not asked, for
// it differs between systems.
func mediaType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".json", ".map":
		return "application/json; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".woff2":
		return "font/woff2"
	case ".txt":
		return "text/plain; charset=utf-8"
	case ".webmanifest":
		return "application/manifest+json"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}

// ServeHTTP implements http.Handler.
func (f files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	file, known := f.all[name]
	if !known && path.Ext(name) == "" { // a page, not a file
		name = "index.html"
		file, known = f.all[name]
		if !known {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, noConsole)
			return
		}
	}
	data, seekable := f.open(name, known)
	if !seekable {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "There is no such file.\n")
		return
	}
	defer data.Close()
	w.Header().Set("Content-Type", file.media)
	w.Header().Set("ETag", file.etag)
	w.Header().Set("Cache-Control", "no-cache") // kept, but asked about each time: a new build shows at once
	http.ServeContent(w, r, "", time.Time{}, data)
}

// open opens a file that is known; nothing else is.
func (f files) open(name string, known bool) (io.ReadSeekCloser, bool) {
	if !known {
		return nil, false
	}
	opened, err := f.from.Open(name)
	if err != nil {
		return nil, false
	}
	data, ok := opened.(io.ReadSeekCloser)
	return data, ok
}
