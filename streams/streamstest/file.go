package streamstest

import (
	"context"

	"bongsu/streams"
	"bongsu/streams/replay"
)

// FilePath makes a path that serves an MP4 file, once and in real time; change its fields
// before NewServer for anything else. With a Server that is all a camera needs:
//
//	p, err := streamstest.FilePath("street", "street.mp4")
//	srv, err := streamstest.NewServer(streamstest.ServerOptions{Paths: []*streamstest.Path{p}})
//	go srv.Run(ctx) // srv.URL("street")
func FilePath(name, file string) (*Path, error) {
	src, err := replay.Open(file, replay.Options{})
	if err != nil {
		return nil, err
	}
	defer src.Close()
	return &Path{
		Name: name, Params: src.Params(),
		Open: func(context.Context) (streams.Source, error) { return replay.Open(file, replay.Options{}) },
	}, nil
}
