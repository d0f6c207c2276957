package ingest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"

	"bongsu"
	"bongsu/cloud/archive"
)

// HashSecret is how tokens and credentials of 256 random bits are kept: lower-case hex SHA-256.
func HashSecret(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

// enrol is POST /edge/enrol.
func (g *Ingest) enrol(w http.ResponseWriter, r *http.Request) (any, error) {
	b, err := g.body(w, r, 16<<10)
	if err != nil {
		return nil, err
	}
	var req bongsu.EnrolRequest
	if err := strict(b, &req); err != nil {
		return nil, err
	}
	if err := first(
		require(strings.TrimSpace(req.Name) != "", "name", "say what the edge is called"),
		text("name", req.Name),
		require(len(req.Token) >= 16 && len(req.Token) <= 200, "token", "this is no enrolment token"),
	); err != nil {
		return nil, err
	}
	var secret [32]byte
	rand.Read(secret[:]) // never fails (crypto/rand, Go 1.24)
	credential := base64.RawURLEncoding.EncodeToString(secret[:])
	now := g.now().UTC()
	e := archive.Edge{
		ID: bongsu.EdgeID(bongsu.NewUUID(now)), Name: strings.TrimSpace(req.Name),
		CredentialHash: HashSecret(credential), Enrolled: now,
	}
	if err := g.archive.Enrol(r.Context(), HashSecret(req.Token), e, now); err != nil {
		return nil, err
	}
	g.log.Info("ingest: edge enrolled", "edge", e.ID, "name", e.Name)
	return bongsu.EnrolResponse{Edge: e.ID, Credential: credential}, nil
}

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
