package streamstest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"
)

// Published is a stream as ffmpeg's RTSP muxer sent it: its description and its RTP packets,
// to be served by a Camera as they are.
type Published struct {
	SDP     string
	Packets []*rtp.Packet
}

// Publish lets the ffmpeg program send a file with its RTSP muxer (ANNOUNCE and RECORD, RFC
// 2326), and keeps what comes. The pictures are not encoded anew. Without ffmpeg the test is
// skipped, under CI=true it fails.
func Publish(t testing.TB, file string) *Published {
	t.Helper()
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		skipOrFail(t, "ffmpeg is needed: "+err.Error())
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	type result struct {
		p   *Published
		err error
	}
	done := make(chan result, 1)
	go func() {
		p, err := receive(l)
		done <- result{p, err}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, ffmpeg, "-v", "error", "-i", file, "-c", "copy", "-f", "rtsp", "-rtsp_transport", "tcp", "rtsp://"+l.Addr().String()+"/cam")
	out, err := cmd.CombinedOutput()
	l.Close()
	r := <-done
	if r.err != nil || len(r.p.Packets) == 0 {
		t.Fatalf("ffmpeg published nothing: %v; %v: %s", r.err, err, out)
	}
	return r.p
}

// receive plays the server of one publisher.
func receive(l net.Listener) (*Published, error) {
	conn, err := l.Accept()
	if err != nil {
		return &Published{}, err
	}
	defer conn.Close()
	p := &Published{}
	r := bufio.NewReader(conn)
	for {
		b, err := r.Peek(1)
		if errors.Is(err, io.EOF) {
			return p, nil
		}
		if err != nil {
			return p, err
		}
		if b[0] == '$' {
			if err := p.frame(r); err != nil {
				return p, err
			}
			continue
		}
		q, err := readRTSP(r)
		if err != nil {
			return p, err
		}
		if n, _ := strconv.Atoi(q.head["content-length"]); n > 0 {
			body := make([]byte, n)
			if _, err := io.ReadFull(r, body); err != nil {
				return p, err
			}
			p.SDP = strings.ReplaceAll(string(body), "\r", "")
		}
		answer := fmt.Sprintf("RTSP/1.0 200 OK\r\nCSeq: %s\r\nSession: 1\r\n", q.head["cseq"])
		if q.method == "SETUP" {
			answer += "Transport: " + q.head["transport"] + "\r\n"
		}
		if _, err := conn.Write([]byte(answer + "\r\n")); err != nil {
			return p, err
		}
		if q.method == "TEARDOWN" {
			return p, nil
		}
	}
}

// frame takes one interleaved packet.
func (p *Published) frame(r *bufio.Reader) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	b := make([]byte, int(head[2])<<8|int(head[3]))
	if _, err := io.ReadFull(r, b); err != nil || head[1] != 0 {
		return err
	}
	pkt := &rtp.Packet{}
	if err := pkt.Unmarshal(b); err != nil {
		return err
	}
	p.Packets = append(p.Packets, pkt)
	return nil
}
