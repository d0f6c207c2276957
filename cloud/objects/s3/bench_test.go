package s3

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"bongsu/cloud/objects"
	"bongsu/cloud/objects/disk"
	"bongsu/cloud/objects/objectstest"
	"bongsu/cloud/objects/objectstest/s3servers"
)

// BenchmarkStores puts and reads a snapshot and a clip on the disk and on each server.
func BenchmarkStores(b *testing.B) {
	stores := map[string]func(b *testing.B) objects.Store{"disk": func(b *testing.B) objects.Store {
		s, err := disk.Open(disk.Options{Dir: b.TempDir()})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { s.Close() })
		return s
	}}
	for _, kind := range s3servers.Kinds() {
		stores[kind] = func(b *testing.B) objects.Store { return open(b, options(b, s3servers.Start(b, kind))) }
	}
	for _, name := range append([]string{"disk"}, s3servers.Kinds()...) {
		for _, size := range []int{60_000, 4 << 20, 20 << 20} {
			b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) { benchmarkStore(b, stores[name](b), size) })
		}
	}
}

func benchmarkStore(b *testing.B, s objects.Store, size int) {
	content := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	n := 0
	key := func() string { return fmt.Sprintf("events/%d/x", n) }
	bring := func(b *testing.B) {
		n++
		u, err := s.Begin(b.Context(), key(), "video/mp4", int64(len(content)), objectstest.Hash(content))
		if err == nil {
			_, err = u.Write(b.Context(), 0, bytes.NewReader(content))
		}
		if err == nil {
			err = u.Complete(b.Context())
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	b.Run("put", func(b *testing.B) {
		b.SetBytes(int64(size))
		for b.Loop() {
			n++
			if err := s.Put(b.Context(), key(), "video/mp4", int64(len(content)), objectstest.Hash(content), bytes.NewReader(content)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("upload", func(b *testing.B) {
		b.SetBytes(int64(size))
		for b.Loop() {
			bring(b)
		}
	})
	b.Run("get", func(b *testing.B) {
		b.SetBytes(int64(size))
		for b.Loop() {
			r, _, err := s.Open(b.Context(), key(), 0)
			if err == nil {
				_, err = io.Copy(io.Discard, r)
				r.Close()
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}
