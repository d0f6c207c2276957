package worker

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"bongsu/models/batch"
	"bongsu/models/catalog"
)

// Models keeps one inference session per model for all cameras of a worker. A session is made
// when the first camera needs it and lives until Close: making sessions again and again leaks.
type Models struct {
	// set before use
	Catalog *catalog.Catalog
	Library string // ONNX Runtime, see ort.Locate
	Threads int    // of one run
	Log     *slog.Logger

	mu   sync.Mutex
	open map[string]*openModel // guarded by mu
}

type openModel struct {
	batcher  *batch.Batcher
	manifest *catalog.Model
	cancel   context.CancelFunc
	done     chan struct{}
}

// Get gives the running batcher of a model. It blocks while the model is loaded.
func (m *Models) Get(name string) (*batch.Batcher, *catalog.Model, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if o := m.open[name]; o != nil {
		return o.batcher, o.manifest, nil
	}
	model, err := m.Catalog.Get(name)
	if err != nil {
		return nil, nil, err
	}
	b, err := batch.Open(batch.OpenOptions{Model: model, Library: m.Library, Threads: m.Threads, Log: m.Log})
	if err != nil {
		return nil, nil, fmt.Errorf("model %s: %w", name, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	o := &openModel{batcher: b, manifest: model, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(o.done)
		_ = b.Run(ctx) // ends with ctx only; failed runs are answered to the cameras they belong to
	}()
	if m.open == nil {
		m.open = map[string]*openModel{}
	}
	m.open[name] = o
	return b, model, nil
}

// Close ends all sessions; no camera may be using one.
func (m *Models) Close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, o := range m.open {
		o.cancel()
		<-o.done
		if err := o.batcher.Close(); err != nil {
			m.Log.Warn("a model did not close", "model", name, "error", err)
		}
	}
	m.open = nil
}
