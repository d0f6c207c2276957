package cmd

import (
	"context"
	"log/slog"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/audit"
	"bongsu/cloud/auth"
	"bongsu/cloud/live"
)

// cameraList is the part of the archive that live view needs.
type cameraList interface {
	ListCameras(ctx context.Context) ([]archive.Camera, error)
}

// newLive makes the hub of live view.
func newLive(cameras cameraList, accounts *auth.Service, recorder *audit.Recorder, now func() time.Time, log *slog.Logger) *live.Hub {
	known := func(ctx context.Context, edge bongsu.EdgeID, camera bongsu.CameraID) (bool, error) {
		all, err := cameras.ListCameras(ctx)
		if err != nil {
			return false, err
		}
		for i := range all {
			if all[i].Edge == edge && all[i].ID == camera {
				return true, nil
			}
		}
		return false, nil
	}
	return live.New(live.Options{Auth: accounts, Audit: recorder, Known: known, Now: now, Log: log})
}
