package rtsp

import (
	"context"
	"log/slog"
	"net"
	"time"

	"bongsu"
)

// Transport is the way on which media packets come from the camera.
type Transport string

// Ways of media packets. There is no automatic choice: what a camera is set to is what is
// used, so that a camera never sends in the clear, or lossily, without its owner knowing.
const (
	TCP Transport = "tcp" // within the RTSP connection (RFC 2326, section 10.12)
	UDP Transport = "udp" // as datagrams of their own; not with rtsps://
)

// TLS says how the certificate of a camera at an rtsps:// URL is checked. The zero value
// trusts the certificate authorities of the system. A camera is never reached without TLS
// when its URL begins with rtsps://, and a certificate is always checked.
type TLS struct {
	CAFile     string // PEM file of the authorities to trust instead; "" = the system's
	PinSHA256  string // hexadecimal SHA-256 of the camera's certificate (DER); colons are allowed. Name, dates and issuer then do not matter, unless CAFile is set as well
	ServerName string // that the certificate must be for; "" = the host of the URL
}

// defaultUDPBuffer holds the key picture of a 4K camera that sends it in one burst.
const defaultUDPBuffer = 2 << 20

// Options say which camera to read, and how. URL is required.
type Options struct {
	Camera bongsu.CameraID // named in units and errors
	Run    bongsu.RunID    // of this session; "" = a new one

	URL        string // rtsp://host[:port]/path or rtsps://…, without user name and password
	Username   string
	Password   string
	AllowBasic bool // answer a Basic challenge: the password then crosses the network readable
	// WorkedBefore says that these credentials were accepted before: a 401 then means that
	// the camera has no session left (as some say it), not that the password is wrong.
	WorkedBefore bool

	Transport Transport // "" = TCP
	// AnyPort accepts datagrams from whatever port of the camera's address sends first. By
	// default a camera must say from which ports it sends, and what comes from others is
	// dropped: anybody in the network could send pictures in its name.
	AnyPort bool
	// UDPBuffer is how many bytes of receive buffer are asked for; what the kernel gave is
	// in Stats.SocketBuffer. 0 = 2 MiB.
	UDPBuffer int
	// AllTracks sets up audio and other tracks too, and drops what they send: some cameras
	// send no video otherwise.
	AllTracks bool
	TLS       TLS // with rtsps:// URLs

	// StallAfter is how long the camera may deliver nothing that can be decoded: from Open
	// to the first packet, and between units. 0 = 10 s.
	StallAfter time.Duration
	// KeyAfter is how long to wait for the first key picture while pictures do arrive:
	// cameras that save bits send one in many seconds. 0 = 3 × StallAfter.
	KeyAfter time.Duration

	Clock *Clock // shared by the streams of one camera; nil = one of its own

	Now  func() time.Time // nil = time.Now
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	Log  *slog.Logger // nil = discard
}

func (o Options) withDefaults() Options {
	if o.StallAfter <= 0 {
		o.StallAfter = 10 * time.Second
	}
	if o.KeyAfter <= 0 {
		o.KeyAfter = 3 * o.StallAfter
	}
	if o.Transport == "" {
		o.Transport = TCP
	}
	if o.UDPBuffer <= 0 {
		o.UDPBuffer = defaultUDPBuffer
	}
	if o.Clock == nil {
		o.Clock = NewClock()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Run == "" {
		o.Run = bongsu.NewRunID(o.Now())
	}
	return o
}
