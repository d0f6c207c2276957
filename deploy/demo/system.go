package demo

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// System is one cloud, one edge and some cameras as processes on this machine.
type System struct {
	Bin  string // folder of the programs
	Dir  string // everything this system writes
	Addr string // where the cloud listens; port 0 takes a free one

	ConsoleURL string // set by StartCloud
	User       string // set by MakeAccounts, with Password and Token
	Password   string
	Token      string
	DebugURL   string // set by StartEdge
	Model      string // name of the installed model
	ModelsDir  string // where models are installed; "": in Dir
	EdgeEnv    []string

	CamerasPerWorker int    // 0: 4
	Defaults         string // further keys under defaults of edge.yaml, as lines indented by two blanks
	EdgeMore         string // further top-level keys of edge.yaml, as whole lines of YAML
	CloudMore        string // the same of cloud.yaml
	EdgeCloudURL     string // where the edge reaches the cloud; "": at ConsoleURL

	secondAddr string       // of a second cloud process, when there is one
	deaths     atomic.Int64 // processes that were killed on purpose

	mu        sync.Mutex
	processes map[string]*Process // guarded by mu, by role
}

// NewSystem makes a system whose programs are in bin and whose data are in dir.
func NewSystem(bin, dir, addr string) *System {
	return &System{Bin: bin, Dir: dir, Addr: addr, processes: map[string]*Process{}}
}

func (s *System) start(name, program string, env []string, args ...string) (*Process, error) {
	p, err := StartProcess(name, filepath.Join(s.Dir, name+".log"), env, filepath.Join(s.Bin, program), args...)
	if err != nil {
		return nil, err
	}
	s.keep(p)
	return p, nil
}

func (s *System) keep(p *Process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.processes[p.Name] = p
}

// models is the folder of installed models.
func (s *System) models() string { return cmp.Or(s.ModelsDir, filepath.Join(s.Dir, "models")) }

// Process gives the process of a role: "cloud", "edge", "cameras"; nil before it is started.
func (s *System) Process(name string) *Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.processes[name]
}

func (s *System) cloudConfig() string { return filepath.Join(s.Dir, "cloud.yaml") }
func (s *System) edgeConfig() string  { return filepath.Join(s.Dir, "edge.yaml") }

// StartCloud starts bongsu-cloud and waits until it listens. Started again, it keeps its data
// and its address.
func (s *System) StartCloud(ctx context.Context) error {
	yaml := fmt.Sprintf("listen: %s\ndata_dir: %s\n%s", s.Addr, filepath.Join(s.Dir, "cloud"), s.CloudMore)
	if err := os.WriteFile(s.cloudConfig(), []byte(yaml), 0o600); err != nil {
		return err
	}
	p, err := s.start("cloud", "bongsu-cloud", nil, "serve", "--config", s.cloudConfig())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	line, err := p.Line(ctx, func(l string) bool { return strings.HasPrefix(l, "ready http") })
	if err != nil {
		return err
	}
	s.ConsoleURL = strings.TrimPrefix(line, "ready ")
	s.Addr = strings.TrimPrefix(strings.TrimPrefix(s.ConsoleURL, "http://"), "https://")
	return nil
}

// tool runs one of the programs to its end and returns what it printed on standard output.
func (s *System) tool(ctx context.Context, stdin, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(s.Bin, program), args...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", program, args[0], err, strings.TrimSpace(errOut.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

// MakeAccounts makes an administrator with a password of this run, and a token for scripts.
func (s *System) MakeAccounts(ctx context.Context) (err error) {
	secret := make([]byte, 12)
	rand.Read(secret)
	s.User, s.Password = "operator", base64.RawURLEncoding.EncodeToString(secret)
	if _, err = s.tool(ctx, s.Password+"\n", "bongsu-cloud", "user", "add", "--config", s.cloudConfig(),
		"--role", "admin", "--name", "운영자", s.User); err != nil {
		return err
	}
	s.Token, err = s.tool(ctx, "", "bongsu-cloud", "user", "token", "--config", s.cloudConfig(), "--name", "demo", s.User)
	return err
}

// AddModel installs an ONNX file and returns its name.
func (s *System) AddModel(ctx context.Context, file string) (name string, err error) {
	args := []string{"model", "add", "--models", s.models()}
	if m := strings.TrimSuffix(file, filepath.Ext(file)) + ".yaml"; fileExists(m) {
		args = append(args, "--manifest", m)
	}
	return s.tool(ctx, "", "bongsu-edge", append(args, file)...)
}

func fileExists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

// StartCameras serves the shows that have a file over RTSP and sets their URLs. loop begins a
// file anew at its end; without it each plays once.
func (s *System) StartCameras(ctx context.Context, shows []Show, loop bool) error {
	var args []string
	if loop {
		args = append(args, "--loop")
	}
	for _, show := range shows {
		if show.File != "" {
			args = append(args, show.ID+"="+show.File)
		}
		if show.DetectFile != "" {
			args = append(args, show.ID+detectSuffix+"="+show.DetectFile)
		}
	}
	if len(args) == 0 || len(args) == 1 && loop {
		return nil
	}
	p, err := s.start("cameras", "bongsu-camera", nil, args...)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for i := range shows {
		if shows[i].File != "" {
			if shows[i].URL, err = p.served(ctx, shows[i].ID); err != nil {
				return err
			}
		}
		if shows[i].DetectFile != "" {
			if shows[i].DetectURL, err = p.served(ctx, shows[i].ID+detectSuffix); err != nil {
				return err
			}
		}
	}
	return nil
}

// detectSuffix names the smaller stream of a camera.
const detectSuffix = "-detect"

// served waits until a stream is served and gives its address.
func (p *Process) served(ctx context.Context, name string) (string, error) {
	prefix := "serving " + name + " "
	line, err := p.Line(ctx, func(l string) bool { return strings.HasPrefix(l, prefix) })
	return strings.TrimPrefix(line, prefix), err
}

// WriteEdgeConfig writes edge.yaml for the shows.
func (s *System) WriteEdgeConfig(shows []Show) error {
	var b strings.Builder
	fmt.Fprintf(&b, "edge:\n  name: demo-edge\ndata_dir: %s\nmodels_dir: %s\ncloud:\n  url: %s\n  enrol_token_file: %s\ndebug:\n  listen: 127.0.0.1:0\n",
		filepath.Join(s.Dir, "edge"), s.models(), cmp.Or(s.EdgeCloudURL, s.ConsoleURL), filepath.Join(s.Dir, "enrol-token"))
	fmt.Fprintf(&b, "workers:\n  cameras_per_worker: %d\n%sdefaults:\n  model: %s\n  pre_roll_s: 5\n  post_roll_s: 3\n%scameras:\n",
		cmp.Or(s.CamerasPerWorker, 4), s.EdgeMore, s.Model, s.Defaults)
	if len(shows) == 0 {
		b.WriteString("  []\n")
	}
	for _, show := range shows {
		fmt.Fprintf(&b, "  - id: %s\n    name: %q\n    url: %s\n", show.ID, show.Name, show.URL)
		if show.DetectURL != "" {
			fmt.Fprintf(&b, "    detect_url: %s\n", show.DetectURL)
		}
		if show.User != "" {
			fmt.Fprintf(&b, "    username: %q\n    password_file: %q\n", show.User, show.PasswordFile)
		}
		fmt.Fprintf(&b, "    rules:%s", strings.TrimRight(show.Rules, " "))
	}
	tmp := s.edgeConfig() + ".new"
	if err := os.WriteFile(tmp, []byte(b.String()), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, s.edgeConfig())
}

// StartEdge enrols the edge when it is new, starts bongsu-edge and waits until it runs. Started
// again with no shows, it keeps its configuration.
func (s *System) StartEdge(ctx context.Context, shows []Show) error {
	if shows != nil {
		token, err := s.tool(ctx, "", "bongsu-cloud", "edge", "token", "--config", s.cloudConfig(), "demo-edge")
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(s.Dir, "enrol-token"), []byte(token+"\n"), 0o600); err != nil {
			return err
		}
		if err := s.WriteEdgeConfig(shows); err != nil {
			return err
		}
	}
	if _, err := s.start("edge", "bongsu-edge", s.EdgeEnv, "run", "--config", s.edgeConfig()); err != nil {
		return err
	}
	return s.edgeReady(ctx)
}

// edgeReady waits until bongsu-edge, which was started, runs.
func (s *System) edgeReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	line, err := s.Process("edge").Line(ctx, func(l string) bool { return strings.HasPrefix(l, "ready http") })
	if err != nil {
		return err
	}
	s.DebugURL = strings.TrimPrefix(line, "ready ")
	return nil
}

// live gives the cameras that are analysed now.
func (s *System) live(ctx context.Context) (map[string]bool, error) {
	var page struct {
		Cameras []struct {
			ID    string `json:"id"`
			State string `json:"state"`
		} `json:"cameras"`
	}
	err := s.API(ctx, http.MethodGet, "/cameras", nil, &page)
	live := map[string]bool{}
	for _, c := range page.Cameras {
		live[c.ID] = c.State == "live"
	}
	return live, err
}

// API calls the cloud with the script token and decodes the JSON answer into out, unless out is nil.
func (s *System) API(ctx context.Context, method, path string, in, out any) error {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, s.ConsoleURL+"/api/v1"+path, &body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+s.Token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		var text bytes.Buffer
		_, _ = text.ReadFrom(resp.Body)
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, strings.TrimSpace(text.String()))
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(out)
}

// Wait blocks until ctx ends or one of the processes does, which is an error.
func (s *System) Wait(ctx context.Context) error {
	ended := make(chan *Process, 8)
	s.mu.Lock()
	for _, p := range s.processes {
		go func() {
			select {
			case <-p.Done():
				ended <- p
			case <-ctx.Done():
			}
		}()
	}
	s.mu.Unlock()
	select {
	case p := <-ended:
		return fmt.Errorf("%s ended: %s (its log is %s)", p.Name, p.Tail(), filepath.Join(s.Dir, p.Name+".log"))
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Stop ends all processes, the edge first, and waits for them.
func (s *System) Stop() {
	for _, name := range []string{"edge", "cameras", "cloud-2", "cloud"} {
		if p := s.Process(name); p != nil {
			p.Stop(15 * time.Second)
		}
	}
}
