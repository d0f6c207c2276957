package uplink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"bongsu"
)

// Enrol trades a one-time token for a credential. It blocks for one request. The token is used
// up when it returns nil; client may be nil.
func Enrol(ctx context.Context, client *http.Client, cloud, token, name string) (bongsu.EnrolResponse, error) {
	var resp bongsu.EnrolResponse
	base, err := checkURL(cloud)
	if err != nil {
		return resp, err
	}
	if client == nil {
		if client, err = NewClient(""); err != nil {
			return resp, err
		}
		defer client.CloseIdleConnections()
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if err := call(ctx, client, base, "", "enrol", bongsu.EnrolRequest{Token: token, Name: name}, &resp, time.Now()); err != nil {
		return resp, fmt.Errorf("enrolment: %w", err)
	}
	if resp.Edge == "" || resp.Credential == "" {
		return resp, fmt.Errorf("enrolment: %w", errNotOurs)
	}
	return resp, nil
}

// SaveCredential writes what Enrol gave to a file that only its owner can read, durable when it
// returns. A file that is there is replaced as a whole.
func SaveCredential(path string, c bongsu.EnrolResponse) error {
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".credential-*") // 0600
	if err != nil {
		return fmt.Errorf("credential: %w", err)
	}
	_, err = f.Write(append(b, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("credential: %w", err), os.Remove(f.Name()))
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("credential: %w", err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// LoadCredential reads what SaveCredential wrote. It refuses a file that others can read, and
// gives an error with fs.ErrNotExist in it when the edge was never enrolled.
func LoadCredential(path string) (bongsu.EnrolResponse, error) {
	var c bongsu.EnrolResponse
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, fmt.Errorf("this edge is not enrolled (%w): make a token in the console and name it in edge.yaml", err)
	}
	if err != nil {
		return c, fmt.Errorf("credential: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return c, fmt.Errorf("credential %s can be read by others (mode %04o): run chmod 600 on it, and enrol again if somebody may have read it", path, info.Mode().Perm())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return c, fmt.Errorf("credential: %w", err)
	}
	if err := json.Unmarshal(b, &c); err != nil || c.Edge == "" || c.Credential == "" {
		return bongsu.EnrolResponse{}, fmt.Errorf("credential %s is damaged: enrol this edge again", path)
	}
	return c, nil
}
