package s3

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"bongsu"
	"bongsu/cloud/objects/objectstest"
	"bongsu/cloud/objects/objectstest/s3servers"
)

// TestBehindItsBack (R26): objects that were changed, cut, emptied, stripped of their metadata or
// removed without the store are all found by one look at each, and reading one of them to its end
// never gives wrong bytes without Verify saying so.
func TestBehindItsBack(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	spoiled, found, silent, good := 0, 0, 0, 0
	servers(t, func(t *testing.T, srv *s3servers.Server) {
		o := options(t, srv)
		o.Log, o.Tries = nil, 2
		s := open(t, o)
		r := rand.New(rand.NewPCG(seed, 26))
		n := 24
		if srv.Kind == s3servers.MinIO { // which takes its time to be sure
			n = 10
		}
		for i := range n {
			key, b := fmt.Sprintf("events/%d/snapshot-1.jpg", i), objectstest.Bytes(t, 2000+r.IntN(200_000))
			if err := put(t.Context(), s, key, b); err != nil {
				t.Fatal(err)
			}
			var want bongsu.Code
			if i%2 == 0 {
				want = spoil(t, srv, o.Prefix+"objects/"+key, b, i/2%5, r)
				spoiled++
			} else {
				good++
			}
			err := s.Verify(t.Context(), key)
			switch got := bongsu.CodeOf(err); {
			case want == "" && got == "":
			case want != "" && (got == bongsu.CodeHashMismatch || got == bongsu.CodeNotFound):
				found++
			default:
				t.Errorf("object %d spoiled in way %d: %v", i, i/2%5, err)
			}
			if served(t, s, key, b) && err == nil && want != "" {
				silent++
				t.Errorf("object %d: wrong bytes are served as good", i)
			}
		}
	})
	t.Logf("figure R26: %d objects changed, cut, replaced or removed behind the store's back among %d good ones on two S3 servers: %d found by one scrub, %d served silently", spoiled, good, found, silent)
}

// spoil does something to an object's files, or to the object by another client.
func spoil(t *testing.T, srv *s3servers.Server, name string, b []byte, way int, r *rand.Rand) bongsu.Code {
	t.Helper()
	c := srv.Client()
	files := srv.Files(name)
	if len(files) == 0 {
		t.Fatalf("no file holds %s", name)
	}
	switch way {
	case 0: // one bit of the file that holds the bytes
		file, at := largest(t, files)
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		content[at/4+r.Int64N(at/2)] ^= 1 // the middle of what MinIO writes is the object, too
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return bongsu.CodeHashMismatch
	case 1: // gone, as after a lost disk
		if err := os.RemoveAll(filepath.Dir(files[0])); err != nil {
			t.Fatal(err)
		}
		return bongsu.CodeNotFound
	case 2: // cut
		file, size := largest(t, files)
		if err := os.Truncate(file, size/2); err != nil {
			t.Fatal(err)
		}
		return bongsu.CodeHashMismatch
	case 3: // replaced by somebody with the key, who copies the metadata
		other := bytes.Clone(b)
		other[r.IntN(len(other))] ^= 1
		_, err := c.PutObject(t.Context(), srv.Bucket, name, bytes.NewReader(other), int64(len(other)),
			minio.PutObjectOptions{UserMetadata: described(int64(len(b)), objectstest.Hash(b))})
		if err != nil {
			t.Fatal(err)
		}
		return bongsu.CodeHashMismatch
	default: // replaced without metadata
		_, err := c.PutObject(t.Context(), srv.Bucket, name, strings.NewReader("something else"), 14, minio.PutObjectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return bongsu.CodeHashMismatch
	}
}

func largest(t *testing.T, files []string) (name string, size int64) {
	t.Helper()
	for _, f := range files {
		st, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		if st.Size() > size {
			name, size = f, st.Size()
		}
	}
	return name, size
}

// served reports that an object's reader gives other bytes than were stored, up to its end.
func served(t *testing.T, s *Store, key string, b []byte) bool {
	t.Helper()
	r, _, err := s.Open(t.Context(), key, 0)
	if err != nil {
		return false
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	return err == nil && !bytes.Equal(got, b)
}
