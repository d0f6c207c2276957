package console

import "net/http"

type camerasAnswer struct {
	Cameras []CameraView `json:"cameras"`
}

func (c *Console) getCameras(w http.ResponseWriter, r *http.Request) error {
	if q := newQuery(r); q.err != nil {
		return q.err
	}
	views, err := c.cameraViews(r.Context())
	if err != nil {
		return err
	}
	return writeJSON(w, camerasAnswer{views})
}
