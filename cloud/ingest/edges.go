package ingest

import (
	"net/http"

	"bongsu"
)

// cameras is POST /edge/cameras.
func (g *Ingest) cameras(w http.ResponseWriter, r *http.Request) (any, error) {
	edge, err := edgeOf(r)
	if err != nil {
		return nil, err
	}
	leave, err := g.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	b, err := g.body(w, r, bongsu.MaxEventPostBytes)
	if err != nil {
		return nil, err
	}
	var req bongsu.CamerasRequest
	if err := strict(b, &req); err != nil {
		return nil, err
	}
	if err := checkCameras(&req, g.limits.Cameras); err != nil {
		return nil, err
	}
	return nil, g.archive.ReportCameras(r.Context(), edge, g.now(), req)
}
