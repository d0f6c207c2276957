package deploy_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	cloudcmd "bongsu/cloud/cmd"
	cloudconfig "bongsu/cloud/config"
	edgecmd "bongsu/edge/cmd"
	edgeconfig "bongsu/edge/config"
)

// hardening is what every unit of ours must say.
var hardening = map[string]string{
	"NoNewPrivileges": "yes", "CapabilityBoundingSet": "", "AmbientCapabilities": "", "ProtectSystem": "strict", "ProtectHome": "yes",
	"PrivateTmp": "yes", "PrivateMounts": "yes", "PrivateDevices": "yes", "PrivateUsers": "yes", "DevicePolicy": "closed",
	"ProtectKernelTunables": "yes", "ProtectKernelModules": "yes", "ProtectKernelLogs": "yes", "ProtectControlGroups": "yes",
	"ProtectHostname": "yes", "ProtectProc": "invisible", "RestrictNamespaces": "yes", "RestrictRealtime": "yes",
	"RestrictSUIDSGID": "yes", "LockPersonality": "yes", "MemoryDenyWriteExecute": "yes", "RemoveIPC": "yes", "KeyringMode": "private",
	"SystemCallArchitectures": "native", "SystemCallErrorNumber": "EPERM", "StateDirectoryMode": "0700", "UMask": "0077",
	"Restart": "always", "Type": "exec",
}

// more are the other keys that our units use.
var more = []string{"Description", "Wants", "After", "StartLimitIntervalSec", "User", "Group", "ExecStart", "RestartSec", "KillMode", "TimeoutStopSec",
	"OOMPolicy", "LimitNOFILE", "TasksMax", "StateDirectory", "RestrictAddressFamilies", "SystemCallFilter", "ProtectClock", "ProcSubset", "WantedBy"}

// unit reads a unit's keys; a key that is neither in hardening nor in more is an error.
func unit(t *testing.T, path string) map[string]string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for i, line := range strings.Split(string(b), "\n") {
		if line == "" || line[0] == '#' || line[0] == '[' {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if _, hard := hardening[key]; !ok || !hard && !slices.Contains(more, key) {
			t.Errorf("%s:%d: unknown key in %q", path, i+1, line)
		}
		if before := all[key]; before != "" {
			value = before + " " + value
		}
		all[key] = value
	}
	return all
}

// help asks a program how one of its verbs is used.
func help(t *testing.T, program, verb string) string {
	t.Helper()
	var out buffer
	code := -1
	switch program {
	case "bongsu-edge":
		m := edgecmd.Main{Args: []string{verb, "--help"}, Stdout: &out, Stderr: &out}
		code = m.Run(t.Context())
	case "bongsu-cloud":
		var m cloudcmd.Main
		code = m.Run(t.Context(), []string{verb, "--help"}, strings.NewReader(""), &out, &out, func(string) string { return "" })
	}
	if code != 0 {
		t.Errorf("%s %s --help: exit code %d\n%s", program, verb, code, out.String())
	}
	return out.String()
}

// takes reports what of a command line a program does not know: its verb and its flags.
func takes(t *testing.T, program string, words []string) error {
	t.Helper()
	said := help(t, program, words[0])
	for _, w := range words[1:] {
		if flag, ok := strings.CutPrefix(w, "--"); ok && !regexp.MustCompile(`(?m)^ +-{1,2}`+regexp.QuoteMeta(flag)+`\b`).MatchString(said) {
			return fmt.Errorf("%s %s has no flag --%s", program, words[0], flag)
		}
	}
	return nil
}

func TestUnits(t *testing.T) {
	state := map[string]string{"bongsu-edge": edgeDataDir(t), "bongsu-cloud": cloudconfig.Default().DataDir}
	for program, dataDir := range state {
		path := "systemd/" + program + ".service"
		u := unit(t, path)
		for key, want := range hardening {
			if got, ok := u[key]; !ok || got != want {
				t.Errorf("%s: %s=%s, want %s", path, key, got, want)
			}
		}
		exec := strings.Fields(u["ExecStart"])
		if len(exec) < 4 || exec[0] != "/usr/local/bin/"+program {
			t.Fatalf("%s: ExecStart=%s", path, u["ExecStart"])
		}
		if err := takes(t, program, exec[1:]); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		short := strings.TrimPrefix(program, "bongsu-")
		if exec[3] != "/etc/bongsu/"+short+".yaml" || u["User"] != program || u["Group"] != program || "/var/lib/"+u["StateDirectory"] != dataDir {
			t.Errorf("%s: %s as %s with /var/lib/%s; the configuration's data_dir is %s", path, u["ExecStart"], u["User"], u["StateDirectory"], dataDir)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range regexp.MustCompile(`deploy/[a-z./-]+`).FindAllString(string(b), -1) {
			if _, err := os.Stat(filepath.Join("..", file)); err != nil {
				t.Errorf("%s names %s: %v", path, file, err)
			}
		}
		judge(t, path)
	}
}

func edgeDataDir(t *testing.T) string {
	t.Helper()
	c, err := edgeconfig.Load("edge.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return c.DataDir
}

// judge logs what systemd's own tool says, where there is one, and fails on a key that it does
// not know.
func judge(t *testing.T, path string) {
	t.Helper()
	tool, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Logf("%s: systemd-analyze is not here: its score is not taken", path)
		return
	}
	run := func(w io.Writer, args ...string) {
		c := exec.CommandContext(context.WithoutCancel(t.Context()), tool, args...)
		c.Stdout, c.Stderr = w, w
		_ = c.Run() // verify fails, too, where the program is not installed
	}
	var score, said buffer
	run(&score, "security", "--offline=true", "--no-pager", path)
	if m := regexp.MustCompile(`Overall exposure level for \S+ ([0-9.]+)`).FindStringSubmatch(score.String()); m != nil {
		t.Logf("%s: exposure %s of 10 (systemd-analyze security)", path, m[1])
	}
	run(&said, "verify", path)
	if strings.Contains(said.String(), "Unknown") || strings.Contains(said.String(), "Failed to parse") {
		t.Errorf("%s: %s", path, said.String())
	}
}
