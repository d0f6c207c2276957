package link

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"reflect"
	"strings"
	"testing"

	"bongsu"
)

// mediaFrames are one of each kind, with payloads.
func mediaFrames() ([]MediaHeader, [][]byte) {
	return []MediaHeader{
		{Session: anEvent, Camera: "yard", Kind: bongsu.LiveInit, Text: &bongsu.LiveText{Type: bongsu.LiveTypeFormat, MIME: "video/mp4", Codec: "h264", Width: 640}},
		{Session: anEvent, Camera: "yard", Kind: bongsu.LiveFragment, Flags: bongsu.LiveKey | bongsu.LiveTainted, AgeUS: 1234},
		{Session: anEvent, Camera: "yard", Kind: bongsu.LiveJPEG},
		{Session: anEvent, Camera: "yard", Text: new(bongsu.LiveState(bongsu.LiveWaiting, bongsu.LiveWaitingKeyFrame, "기다립니다"))},
	}, [][]byte{[]byte("ftypmoov"), bytes.Repeat([]byte{7}, 200_000), {0xff, 0xd8}, nil}
}

func appendFrame(t testing.TB, dst []byte, h MediaHeader, payload []byte) []byte {
	t.Helper()
	b, err := AppendMedia(dst, &h, len(payload))
	if err != nil {
		t.Fatal(err)
	}
	return append(b, payload...)
}

func TestMediaRoundTrip(t *testing.T) {
	headers, payloads := mediaFrames()
	here, there, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	fd := there.Fd() // takes it out of Go's poller, as an inherited one is
	worker := MediaFromFD(fd)
	if worker == nil {
		t.Fatal("a socket is no media channel")
	}
	sent := make(chan error, 1)
	go func() {
		defer worker.Close()
		var head []byte
		for i := range headers {
			if head, err = WriteMedia(worker, head, &headers[i], payloads[i]); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	r := NewMediaReader(here)
	for i := range headers {
		h, p, err := r.Next()
		if err != nil || !reflect.DeepEqual(h, headers[i]) || !bytes.Equal(p, payloads[i]) {
			t.Fatalf("frame %d: %+v, %d bytes, %v", i, h, len(p), err)
		}
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

// TestMediaFromFDLooksFirst: a number that is no socket is left alone.
func TestMediaFromFDLooksFirst(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "file")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	tcp, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	for name, fd := range map[string]uintptr{"file": f.Fd(), "network": tcp.Fd(), "closed": 987} {
		if c := MediaFromFD(fd); c != nil {
			t.Errorf("%s: taken for a media channel", name)
			c.Close()
		}
	}
	if _, err := f.WriteString("still open"); err != nil {
		t.Error(err)
	}
}

// rawMedia makes a frame of any header and payload.
func rawMedia(header string, payload int) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(2+len(header)+payload))
	b = append(binary.BigEndian.AppendUint16(b, uint16(len(header))), header...)
	return append(b, make([]byte, payload)...)
}

// badMedia are frames that must be refused, and a part of the sentence.
var badMedia = map[string]struct {
	frame []byte
	want  string
}{
	"half a length":   {[]byte{0, 0}, "ends inside"},
	"huge":            {[]byte{0xff, 0xff, 0xff, 0xff, 0, 2, '{', '}'}, "a media frame of"},
	"header too long": {binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint32(nil, 65000), 60000), "a header of"},
	"header longer":   {[]byte{0, 0, 0, 3, 0, 2, '{', '}'}, "a header of"},
	"cut header":      {[]byte{0, 0, 0, 9, 0, 7, '{'}, "ends inside"},
	"no JSON":         {rawMedia("{", 1), "not JSON"},
	"no session":      {rawMedia(`{"camera":"yard","kind":2}`, 1), "no UUID"},
	"no camera":       {rawMedia(`{"session":"`+anEvent+`","camera":"../x","kind":2}`, 1), "no camera's name"},
	"kind":            {rawMedia(`{"session":"`+anEvent+`","camera":"yard","kind":9}`, 1), "unknown kind"},
	"no payload":      {rawMedia(`{"session":"`+anEvent+`","camera":"yard","kind":2}`, 0), "with 0 bytes"},
	"no kind":         {rawMedia(`{"session":"`+anEvent+`","camera":"yard"}`, 3), "with 3 bytes"},
	"says nothing":    {rawMedia(`{"session":"`+anEvent+`","camera":"yard"}`, 0), "says nothing"},
	"future":          {rawMedia(`{"session":"`+anEvent+`","camera":"yard","kind":2,"age_us":-1}`, 1), "future"},
	"wrong text":      {rawMedia(`{"session":"`+anEvent+`","camera":"yard","text":{"type":"state","state":"x"}}`, 0), "state is unknown"},
	"cut payload":     {rawMedia(`{"session":"`+anEvent+`","camera":"yard","kind":2}`, 5)[:60], "ends inside"},
}

func TestMediaRefuses(t *testing.T) {
	for name, c := range badMedia {
		if _, _, err := NewMediaReader(bytes.NewReader(c.frame)).Next(); !errors.Is(err, ErrProtocol) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	h := MediaHeader{Session: anEvent, Camera: "yard", Kind: bongsu.LiveFragment}
	if _, err := AppendMedia(nil, &h, maxMediaBytes); err == nil || !strings.Contains(err.Error(), "the limits are") {
		t.Errorf("too large: %v", err)
	}
	h.Camera = "../x"
	if _, err := AppendMedia(nil, &h, 1); !errors.Is(err, ErrProtocol) {
		t.Errorf("wrong camera: %v", err)
	}
}

// FuzzMedia: any stream of bytes ends in an error, without a panic; what is accepted can be sent
// on and means the same.
func FuzzMedia(f *testing.F) {
	headers, payloads := mediaFrames()
	var all []byte
	for i := range headers {
		if len(payloads[i]) < 1000 {
			all = appendFrame(f, all, headers[i], payloads[i])
		}
	}
	f.Add(all)
	for _, c := range badMedia {
		if len(c.frame) < 1000 {
			f.Add(c.frame)
		}
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r := NewMediaReader(bytes.NewReader(in))
		for {
			h, p, err := r.Next()
			if err != nil {
				if !errors.Is(err, ErrProtocol) && !errors.Is(err, io.EOF) {
					t.Fatalf("an error of another kind: %v", err)
				}
				return
			}
			again, q, err := NewMediaReader(bytes.NewReader(appendFrame(t, nil, h, p))).Next()
			if err != nil || !reflect.DeepEqual(again, h) || !bytes.Equal(p, q) {
				t.Fatalf("%+v became %+v, %v", h, again, err)
			}
		}
	})
}
