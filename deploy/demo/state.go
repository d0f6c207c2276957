package demo

import (
	"encoding/json"
	"os"
	"path/filepath"
)

// State is demo.json: what a script needs to use a running demo. It holds secrets of this run.
type State struct {
	Version      int           `json:"version"` // of this format: 1
	ConsoleURL   string        `json:"console_url"`
	User         string        `json:"user"`
	Password     string        `json:"password"`
	APIToken     string        `json:"api_token"`
	EdgeDebugURL string        `json:"edge_debug_url"`
	PID          int           `json:"pid"` // of the demo: SIGTERM stops all of it
	Cameras      []StateCamera `json:"cameras"`
}

// StateCamera is one camera of demo.json.
type StateCamera struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	RTSPURL string `json:"rtsp_url"`
}

// WriteState puts demo.json into the system's folder, whole and readable by its owner only.
func (s *System) WriteState(shows []Show) error {
	st := State{Version: 1, ConsoleURL: s.ConsoleURL, User: s.User, Password: s.Password, APIToken: s.Token,
		EdgeDebugURL: s.DebugURL, PID: os.Getpid()}
	for _, show := range shows {
		st.Cameras = append(st.Cameras, StateCamera{ID: show.ID, Name: show.Name, RTSPURL: show.URL})
	}
	data, err := json.MarshalIndent(st, "", "  ")
	if err != nil {
		return err
	}
	path := s.statePath()
	if err := os.WriteFile(path+".new", append(data, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// RemoveState takes demo.json away: its address and secrets are of no use after the demo.
func (s *System) RemoveState() { _ = os.Remove(s.statePath()) }

func (s *System) statePath() string { return filepath.Join(s.Dir, "demo.json") }
