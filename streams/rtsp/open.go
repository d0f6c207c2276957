package rtsp

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"

	"bongsu/streams"
)

// target is where a camera is, fit to be shown: it never holds a login.
type target struct {
	host string // host:port
	path string // with the query
	url  *url.URL
}

// loginFacts is what the opening showed about the login.
type loginFacts struct {
	connected    bool // the TCP connection stood
	basicRefused bool // only Basic was offered, and it is not allowed
	asked        bool // a 401 came
	accepted     bool // a request was answered 2xx after that
	unknown      bool // no challenge of it can be answered
}

// Open connects, logs in and starts the stream. It blocks until the camera plays, at most
// StallAfter, or until ctx ends; ctx has no effect afterwards. The error is a *streams.Error
// whose Err is a sentence for people. Whoever gets a Source closes it.
func Open(ctx context.Context, o Options) (*Source, error) {
	s := &Source{o: o.withDefaults(), done: make(chan struct{}), queue: newUnitQueue()}
	var why string
	if s.target, why = parseTarget(o.URL); why != "" {
		return nil, s.failure("open", streams.ReasonBadURL, nil, "%s", why)
	}
	if why = s.prepare(); why != "" {
		return nil, s.failure("open", streams.ReasonBadURL, nil, "%s", why)
	}
	if strings.ContainsAny(o.Username+o.Password, "\r\n\x00") {
		return nil, s.failure("open", streams.ReasonBadURL, nil, "username or password holds a line break: check that password_file holds one line")
	}
	parent := ctx
	ctx, cancel := context.WithTimeout(ctx, s.o.StallAfter)
	defer cancel()
	s.began = s.o.Now()
	s.client = s.newClient()
	if err := s.client.Start2(); err != nil {
		return nil, s.failure("open", streams.ReasonProtocol, err, "the RTSP client cannot start")
	}
	s.mapping = s.o.Clock.Attach()
	go s.watch()
	stop := context.AfterFunc(ctx, s.client.Close)
	err := s.play(ctx)
	stop()
	if err == nil && ctx.Err() != nil {
		err = s.refusal(ctx, "play", ctx.Err())
	}
	if err != nil {
		s.Close()
		if errors.Is(parent.Err(), context.Canceled) {
			err = s.failure("open", streams.ReasonClosed, nil, "opening %s was given up", s.target.host)
		}
		return nil, err
	}
	s.o.Log.Info("playing", "camera", s.o.Camera, "run", s.o.Run, "host", s.target.host, "codec", s.offer.codec.String())
	return s, nil
}

// prepare checks what the options say of transport and TLS. The answer is a sentence, "" when
// all is well.
func (s *Source) prepare() string {
	secure := s.target.url.Scheme == "rtsps"
	switch {
	case s.o.Transport != TCP && s.o.Transport != UDP:
		return "transport of the camera must be tcp or udp"
	case secure && s.o.Transport == UDP:
		return "transport: udp would send the pictures of an rtsps:// camera in the clear: set transport to tcp"
	case !secure && s.o.TLS != TLS{}:
		return "TLS is configured for a camera whose URL begins with rtsp://: write it as rtsps://"
	case !secure:
		return ""
	}
	var err error
	if s.tls, err = s.o.TLS.config(s.target.url.Hostname()); err != nil {
		return err.Error()
	}
	return ""
}

// watch waits for the end of the client.
func (s *Source) watch() {
	defer close(s.done)
	cause := s.client.Wait()
	s.end(s.over(cause))
	s.mapping.Detach()
}

// parseTarget reads a camera's URL. The answer in words never repeats the URL: it may hold a
// password.
func parseTarget(text string) (target, string) {
	if text == "" {
		return target{}, "no URL is configured: set url of the camera to rtsp://host/path"
	}
	u, err := url.Parse(text)
	switch {
	case strings.Contains(authority(text), "@") || err == nil && u.User != nil:
		return target{}, "the URL holds a user name or password: take it out and set username and password_file of the camera"
	case err != nil:
		return target{}, "the URL cannot be read: write it as rtsp://host:554/path, with other characters than letters and digits percent-encoded"
	case u.Scheme != "rtsp" && u.Scheme != "rtsps":
		return target{}, "the URL must begin with rtsp:// or rtsps://; other schemes are not spoken"
	case u.Hostname() == "" || u.Opaque != "":
		return target{}, "the URL names no host: write it as rtsp://host:554/path"
	case u.Fragment != "":
		return target{}, "the URL holds a '#': percent-encode it as %23"
	}
	host := u.Host
	if u.Port() == "" {
		host = net.JoinHostPort(u.Hostname(), map[string]string{"rtsp": "554", "rtsps": "322"}[u.Scheme])
	}
	path := u.EscapedPath()
	if u.RawQuery != "" {
		path += "?…" // queries of cameras hold logins now and then
	}
	if path == "" {
		path = "/"
	}
	return target{host: host, path: path, url: u}, ""
}

// authority is the part of a URL that may hold a login.
func authority(text string) string {
	_, rest, ok := strings.Cut(text, "://")
	if !ok {
		return ""
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	return rest
}

func (s *Source) newClient() *gortsplib.Client {
	tcp := gortsplib.TransportTCP
	return &gortsplib.Client{
		Scheme:    "rtsp", // TLS is spoken below it
		Host:      s.target.url.Host,
		Transport: &tcp,
		UserAgent: "bongsu",
		// Silence is judged here, by what can be decoded.
		ReadTimeout:  never,
		WriteTimeout: 5 * time.Second,

		DialContext:       s.dial,
		OnTransportSwitch: func(error) {},
		OnPacketsLost:     func(uint64) {},
		OnDecodeError:     func(error) {},
	}
}

// never is a time that does not pass.
const never = 10000 * time.Hour

// dial reaches the camera, and nothing else whatever gortsplib asks for.
func (s *Source) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	conn, err := s.o.Dial(ctx, network, s.target.host)
	if err == nil && s.tls != nil {
		conn, err = s.secure(ctx, conn)
	}
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.login.connected = true
	s.mu.Unlock()
	return newWire(s, conn), nil
}

// play runs DESCRIBE, SETUP and PLAY.
func (s *Source) play(ctx context.Context) error {
	u := *s.target.url
	desc, _, err := s.client.Describe((*base.URL)(&u))
	if err != nil {
		return s.refusal(ctx, "describe", err)
	}
	if s.offer == nil || s.offer.codec == streams.CodecNone || len(desc.Medias) < 1 {
		return s.refusal(ctx, "describe", nil)
	}
	if s.offer.packed != "" {
		return s.failure("describe", streams.ReasonProtocol, nil, "%s: %s, which is not read: switch it off in the camera", s.target.host, s.offer.packed)
	}
	media := desc.Medias[0]
	if at, err := media.URL(desc.BaseURL); err != nil || at == nil {
		return s.failure("describe", streams.ReasonProtocol, nil, "%s describes its video track with an address that cannot be read", s.target.host)
	}
	s.listen()
	if _, err := s.client.Setup(desc.BaseURL, media, 0, 0); err != nil {
		return s.refusal(ctx, "setup", err)
	}
	for _, other := range desc.Medias[1:] {
		if _, err := s.client.Setup(desc.BaseURL, other, 0, 0); err != nil {
			return s.refusal(ctx, "setup", err)
		}
	}
	if _, err := s.client.Play(nil); err != nil {
		return s.refusal(ctx, "play", err)
	}
	s.mu.Lock()
	s.playing = true
	s.good = s.o.Now()
	s.mu.Unlock()
	return nil
}

// listen readies what takes the packets.
func (s *Source) listen() {
	s.mu.Lock()
	s.sets = newParamSets(s.offer.codec)
	s.sets.quirks = &s.stats.Quirks
	for _, set := range s.offer.params {
		s.sets.add(set)
	}
	s.line.count = &s.stats
	s.asm = newAssembler(s.offer.codec, &s.stats, s.unit)
	s.asm.fields = func() bool { return s.sets.info.fields }
	if s.o.Transport == UDP {
		s.asm.loss = QuirkLossUDP
	}
	s.good = s.o.Now()
	s.mu.Unlock()
}
