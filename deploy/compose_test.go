package deploy_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	cloudconfig "bongsu/cloud/config"
)

// composeFile is as much of the Compose format as ours uses.
type composeFile struct {
	Name     string                    `yaml:"name"`
	Hardened map[string]any            `yaml:"x-hardened"`
	Services map[string]composeService `yaml:"services"`
	Networks map[string]struct {
		Internal bool `yaml:"internal"`
	} `yaml:"networks"`
	Volumes map[string]struct{} `yaml:"volumes"`
	Secrets map[string]struct {
		File string `yaml:"file"`
	} `yaml:"secrets"`
}

type composeService struct {
	Image string `yaml:"image"`
	Build *struct {
		Context    string `yaml:"context"`
		Dockerfile string `yaml:"dockerfile"`
	} `yaml:"build"`
	User        string   `yaml:"user"`
	Profiles    []string `yaml:"profiles"`
	Command     []string `yaml:"command"`
	Entrypoint  []string `yaml:"entrypoint"`
	DependsOn   []string `yaml:"depends_on"`
	Networks    []string `yaml:"networks"`
	Ports       []string `yaml:"ports"`
	Volumes     []string `yaml:"volumes"`
	Tmpfs       []string `yaml:"tmpfs"`
	Secrets     []string `yaml:"secrets"`
	MemLimit    string   `yaml:"mem_limit"`
	PidsLimit   int      `yaml:"pids_limit"`
	StopGrace   string   `yaml:"stop_grace_period"`
	Restart     string   `yaml:"restart"`
	ReadOnly    bool     `yaml:"read_only"`
	CapDrop     []string `yaml:"cap_drop"`
	SecurityOpt []string `yaml:"security_opt"`
	Init        bool     `yaml:"init"`
	Logging     struct {
		Driver  string            `yaml:"driver"`
		Options map[string]string `yaml:"options"`
	} `yaml:"logging"`
}

var exactTag = regexp.MustCompile(`^[a-z0-9./-]+:v?[0-9]+\.[0-9]+\.[0-9]+(-[a-z0-9.]+)?$`)

// TestCompose reads the compose file strictly: a key of no row above (such as environment,
// privileged, cap_add, network_mode, devices) is an error.
func TestCompose(t *testing.T) {
	var f composeFile
	strictYAML(t, "compose/compose.yaml", &f)
	if len(f.Services) != 4 || !f.Networks["inner"].Internal {
		t.Errorf("%d services; the inner network is internal: %v", len(f.Services), f.Networks["inner"].Internal)
	}
	for name, s := range f.Services {
		if err := s.restricted(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := s.joined(&f); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if name != "cloud" && len(s.Ports) > 0 {
			t.Errorf("%s: it is reached from outside at %v; only the cloud is", name, s.Ports)
		}
	}
	for _, p := range f.Services["cloud"].Ports {
		if !strings.HasPrefix(p, "127.0.0.1:") {
			t.Errorf("cloud: %s is open beyond this machine", p)
		}
	}
	for program, service := range map[string]string{"bongsu-cloud": "cloud", "bongsu-edge": "edge"} {
		if err := takes(t, program, f.Services[service].Command); err != nil {
			t.Errorf("%s: %v", service, err)
		}
	}
	for name, s := range f.Secrets {
		if s.File != "secrets/"+name {
			t.Errorf("secret %s is in %s", name, s.File)
		}
	}
}

// restricted holds a service against what row S34 of the faults asks of manifests.
func (s *composeService) restricted() error {
	switch {
	case !s.ReadOnly:
		return fmt.Errorf("its root can be written to")
	case !slices.Equal(s.CapDrop, []string{"ALL"}):
		return fmt.Errorf("cap_drop %v, not ALL", s.CapDrop)
	case !slices.Equal(s.SecurityOpt, []string{"no-new-privileges:true"}):
		return fmt.Errorf("security_opt %v", s.SecurityOpt)
	case s.User == "" || strings.HasPrefix(s.User, "0:") || strings.HasPrefix(s.User, "root"):
		return fmt.Errorf("it runs as %q", s.User)
	case !exactTag.MatchString(s.Image):
		return fmt.Errorf("image %s: name an exact version", s.Image)
	case s.MemLimit == "" || s.PidsLimit == 0:
		return fmt.Errorf("its memory and processes have no limit")
	case s.Logging.Options["max-size"] == "":
		return fmt.Errorf("its log has no limit")
	}
	for _, v := range s.Volumes {
		if from := strings.SplitN(v, ":", 2)[0]; strings.Contains(from, "/") && !strings.HasSuffix(v, ":ro") || strings.Contains(v, "docker.sock") {
			return fmt.Errorf("volume %s: what comes from the host is for reading only", v)
		}
	}
	return nil
}

// joined reports what a service names that is not there.
func (s *composeService) joined(f *composeFile) error {
	for _, n := range s.Networks {
		if _, ok := f.Networks[n]; !ok {
			return fmt.Errorf("there is no network %s", n)
		}
	}
	for _, n := range s.Secrets {
		if _, ok := f.Secrets[n]; !ok {
			return fmt.Errorf("there is no secret %s", n)
		}
	}
	for _, v := range s.Volumes {
		from := strings.SplitN(v, ":", 2)[0]
		if _, named := f.Volumes[from]; named || from == "./edge" { // secrets.sh makes that folder
			continue
		}
		if _, err := os.Stat(filepath.Join("compose", from)); err != nil {
			return err
		}
	}
	if s.Build != nil {
		_, err := os.Stat(filepath.Join("compose", s.Build.Context, s.Build.Dockerfile))
		return err
	}
	return nil
}

// TestComposeConfigurations makes the secrets and reads the cloud's configuration as the program
// does; what it names is what the compose file gives.
func TestComposeConfigurations(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("compose")); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(context.WithoutCancel(t.Context()), "bash", filepath.Join(dir, "secrets.sh")).CombinedOutput()
	if err != nil {
		t.Fatalf("secrets.sh: %v\n%s", err, out)
	}
	b, err := os.ReadFile(filepath.Join(dir, "cloud.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	config := put(t, dir, "here.yaml", strings.ReplaceAll(string(b), "/run/secrets/", dir+"/secrets/"))
	c, err := cloudconfig.Load(config)
	if err != nil {
		t.Fatal(err)
	}
	if c.Queue.Redis.Address != "redis:6379" || c.Objects.S3.Endpoint != "http://s3:7070" || c.DataDir != "/data" || c.Objects.S3.Presign {
		t.Errorf("%+v", c)
	}
	secret, err := cloudconfig.ReadSecret(filepath.Join(dir, "secrets", "redis_password"))
	if err != nil || len(secret) != 64 {
		t.Errorf("a secret of %d characters, %v", len(secret), err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.*"))
	if err != nil || len(files) < 4 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, path := range files {
		if b, err := os.ReadFile(path); err != nil || strings.Contains(string(b), secret) {
			t.Errorf("%s: %v, or it holds a secret", path, err)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "secrets", "redis_acl"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}
