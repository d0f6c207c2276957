package cmd

import (
	"context"
	"flag"
	"log/slog"

	"bongsu"
	"bongsu/edge/crash"
	"bongsu/edge/link"
	"bongsu/edge/vision"
	"bongsu/edge/worker"
	"bongsu/models/catalog"
	"bongsu/streams/avcodec"
)

type workerOpts struct {
	models  *string
	lock    *string
	threads *int
	memory  *int64
}

// workerVerb is what the node starts; a person has no use for it.
func workerVerb() *verb {
	return &verb{name: "worker", hidden: true, summary: "run cameras for a node", usage: "--models DIR",
		about:   "Runs pipelines for the node that started it, over file descriptor 3, sends live pictures over 4, and ends with it.",
		example: "bongsu-edge worker --models /var/lib/bongsu-edge/models",
		flags: func(fs *flag.FlagSet) any {
			return &workerOpts{models: fs.String("models", "", "the model folder"),
				lock:    fs.String("lock", "", "the file whose lock says that a worker lives; empty for none"),
				memory:  fs.Int64("memory", 0, "the most memory in bytes that this process may take; 0 for no limit"),
				threads: fs.Int("threads", 1, "threads of one inference")}
		},
		run: runWorker}
}

// liveStillWidth is the widest live still, in pixels.
const liveStillWidth = 1280

func runWorker(ctx context.Context, m *Main, c *call) error {
	o := c.opts.(*workerOpts)
	if *o.models == "" {
		return usageError{"--models is missing"}
	}
	if err := worker.LimitMemory(*o.memory); err != nil {
		return err
	}
	if *o.lock != "" {
		held, err := holdAsWorker(*o.lock)
		if err != nil {
			return err
		}
		defer held.Close()
	}
	conn, err := link.FromFD(link.FD)
	if err != nil {
		return err
	}
	log := m.logger(slog.LevelInfo)
	models := &worker.Models{Catalog: catalog.Open(catalog.Options{Dir: *o.models}), Threads: *o.threads, Log: log}
	defer models.Close()
	b := &worker.Builder{Models: models, WallQuality: wallQuality, Monotonic: sinceBoot}
	tapes, err := crash.OpenFD(crash.FD)
	if err != nil {
		log.Warn("if this worker dies its last input is not kept", "error", err)
	}
	w := worker.New(worker.Options{Tapes: tapes, Conn: link.NewConn(conn, link.Worker), Program: Version, Build: b.Build, GiveBack: avcodec.Trim,
		JPEG: func(f *bongsu.Frame) ([]byte, error) {
			return vision.JPEG(f, vision.Options{MaxBytes: bongsu.MaxSnapshotBytes})
		}, Media: link.MediaFromFD(link.MediaFD), LiveJPEG: func(f *bongsu.Frame) ([]byte, error) {
			return vision.JPEG(f, vision.Options{MaxBytes: bongsu.MaxLiveJPEGBytes, MaxWidth: liveStillWidth})
		}, Log: log})
	return w.Run(ctx)
}
