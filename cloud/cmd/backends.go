package cmd

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"bongsu"
	"bongsu/cloud/config"
	"bongsu/cloud/console"
	"bongsu/cloud/objects"
	"bongsu/cloud/objects/disk"
	"bongsu/cloud/objects/s3"
	"bongsu/cloud/queue"
	"bongsu/cloud/queue/memq"
	"bongsu/cloud/queue/redisq"
)

// objectStore is an open store of pictures and clips.
type objectStore interface {
	objects.Store
	Close() error
}

// openObjects opens the store that the configuration names; the caller closes it.
func (c *call) openObjects(ctx context.Context, cfg config.Config, log *slog.Logger) (objectStore, error) {
	if cfg.Objects.Kind != config.ObjectsS3 {
		return disk.Open(disk.Options{Dir: filepath.Join(cfg.DataDir, objectsDir), Now: c.now})
	}
	o := cfg.Objects.S3
	prefix := o.Prefix
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	return s3.New(ctx, s3.Options{
		Endpoint: o.Endpoint, PublicEndpoint: o.PublicEndpoint, Region: o.Region, Bucket: o.Bucket, Prefix: prefix,
		AccessKeyFile: o.AccessKeyFile, SecretKeyFile: o.SecretKeyFile, CAFile: o.CAFile,
		PathStyle: o.PathStyle, Presign: o.Presign, Now: c.now, Log: log,
		CreateOnce: cfg.Queue.Kind == config.QueueRedis, // several processes may write one key then
	})
}

// openQueue makes the queue that the configuration names; the caller closes it. A Redis that is away
// is no error: edges hold their events until it is there.
func (c *call) openQueue(cfg config.Config, log *slog.Logger) (queue.Queue, error) {
	if cfg.Queue.Kind != config.QueueRedis {
		return memq.New(memq.Options{Now: c.now}), nil
	}
	r := cfg.Queue.Redis
	o := redisq.Options{Address: r.Address, Username: r.Username, Database: r.Database, Stream: r.Stream, Lease: r.Lease(), Now: c.now, Log: log}
	var err error
	if r.PasswordFile != "" {
		if o.Password, err = config.ReadSecret(r.PasswordFile); err != nil {
			return nil, bongsu.Wrap(bongsu.CodeInvalid, err, "queue.redis.password_file")
		}
	}
	if r.TLS.Enabled {
		if o.TLS, err = clientTLS(r.TLS); err != nil {
			return nil, err
		}
	}
	return redisq.New(o), nil
}

func clientTLS(t config.RedisTLS) (*tls.Config, error) {
	out := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CAFile == "" {
		return out, nil
	}
	pem, err := os.ReadFile(t.CAFile)
	if err != nil {
		return nil, bongsu.Wrap(bongsu.CodeInvalid, err, "queue.redis.tls.ca_file cannot be read")
	}
	out.RootCAs = x509.NewCertPool()
	if !out.RootCAs.AppendCertsFromPEM(pem) {
		return nil, bongsu.Errorf(bongsu.CodeInvalid, "queue.redis.tls.ca_file: %s holds no certificate in PEM", t.CAFile)
	}
	return out, nil
}

// lookWithin bounds what a page of numbers or of health asks of the queue.
const lookWithin = time.Second

// queueMetrics writes how full the queue is, and what this process did with it.
func (s *server) queueMetrics(w io.Writer) {
	ctx, cancel := context.WithTimeout(context.Background(), lookWithin)
	defer cancel()
	d, err := s.queue.Depth(ctx)
	up := 1
	if err != nil {
		up = 0
		s.log.Debug("the queue cannot be looked at", "err", err)
	}
	fmt.Fprintf(w, "# HELP bongsu_cloud_queue_up Whether the queue answers.\n# TYPE bongsu_cloud_queue_up gauge\nbongsu_cloud_queue_up %d\n", up)
	if err == nil {
		fmt.Fprint(w, "# HELP bongsu_cloud_queue_messages Messages in the queue, by what they wait for.\n# TYPE bongsu_cloud_queue_messages gauge\n")
		for _, m := range []struct {
			state string
			n     int64
		}{{"waiting", d.Waiting}, {"held", d.Held}, {"delayed", d.Delayed}, {"dead", d.Dead}} {
			fmt.Fprintf(w, "bongsu_cloud_queue_messages{state=%q} %d\n", m.state, m.n)
		}
	}
	r, ok := s.queue.(*redisq.Queue)
	if !ok {
		return
	}
	st := r.Stats()
	for _, m := range []struct {
		name, help string
		n          int64
	}{
		{"bongsu_cloud_queue_published_total", "Messages added to the queue.", st.Published},
		{"bongsu_cloud_queue_reclaimed_total", "Messages taken over from workers that ended or hung.", st.Reclaimed},
		{"bongsu_cloud_queue_rebuilt_total", "How often the consumer group had to be made.", st.Rebuilt},
		{"bongsu_cloud_queue_unreadable_total", "Entries that nobody could read, moved to the dead letters.", st.Unreadable},
	} {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s counter\n%s %d\n", m.name, m.help, m.name, m.name, m.n)
	}
}

// queueHealth is a reason of /healthz while the queue takes nothing.
func (s *server) queueHealth(ctx context.Context) []console.Reason {
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	if err := s.queue.Ready(ctx); err != nil {
		s.log.Debug("the queue takes nothing", "err", err)
		return []console.Reason{{Code: "queue", Message: "the queue takes nothing at the moment; edges hold their events"}}
	}
	return nil
}
