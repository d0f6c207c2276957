package sqlite

import (
	"context"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
)

// taken turns an insert that changed no row into a conflict.
func taken(n int64, err error, format string, args ...any) error {
	if err == nil && n == 0 {
		return bongsu.Errorf(bongsu.CodeConflict, format, args...)
	}
	return err
}

// missing turns an update that found no row into "not found".
func missing(n int64, err error, format string, args ...any) error {
	if err == nil && n == 0 {
		return bongsu.Errorf(bongsu.CodeNotFound, format, args...)
	}
	return err
}

// PutEnrolToken implements archive.Edges.
func (a *Archive) PutEnrolToken(ctx context.Context, k archive.EnrolToken) error {
	return a.write(ctx, "store enrolment token", func(t *tx) error {
		n, err := t.exec("INSERT INTO enrol_tokens (hash, name, made_by, created_us, expires_us) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
			k.Hash, k.Name, k.By, micros(k.Created), micros(k.Expires))
		return taken(n, err, "this enrolment token is there already")
	})
}

// Enrol implements archive.Edges.
func (a *Archive) Enrol(ctx context.Context, tokenHash string, e archive.Edge, now time.Time) error {
	return a.write(ctx, "enrol edge", func(t *tx) error {
		n, err := t.exec("UPDATE enrol_tokens SET used_us = ?1, used_edge = ?2 WHERE hash = ?3 AND used_us = 0 AND expires_us > ?1",
			micros(now), e.ID, tokenHash)
		if err != nil {
			return err
		}
		if n == 0 {
			return bongsu.Errorf(bongsu.CodeUnauthorized, "the enrolment token is unknown, used or expired; ask an administrator for a new one")
		}
		pending, err := encode(e.Pending)
		if err != nil {
			return err
		}
		n, err = t.exec(`INSERT INTO edges (id, name, credential_hash, enrolled_us, last_seen_us, disabled, version, pending)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			e.ID, e.Name, e.CredentialHash, micros(e.Enrolled), micros(e.LastSeen), e.Disabled, e.Version, pending)
		return taken(n, err, "edge %s is enrolled already", e.ID)
	})
}

const edgeColumns = "SELECT id, name, credential_hash, enrolled_us, last_seen_us, disabled, version, pending FROM edges "

func (a *Archive) edges(ctx context.Context, where string, args ...any) ([]archive.Edge, error) {
	var out []archive.Edge
	err := a.read(ctx, "read edges", func(t *tx) error {
		return t.each(edgeColumns+where, args, func(scan func(...any) error) error {
			var e archive.Edge
			var enrolled, seen int64
			var pending string
			if err := scan(&e.ID, &e.Name, &e.CredentialHash, &enrolled, &seen, &e.Disabled, &e.Version, &pending); err != nil {
				return err
			}
			e.Enrolled, e.LastSeen = instant(enrolled), instant(seen)
			out = append(out, e)
			return decode(pending, &out[len(out)-1].Pending, "edge "+string(e.ID))
		})
	})
	return out, err
}

// EdgeByCredential implements archive.Edges.
func (a *Archive) EdgeByCredential(ctx context.Context, hash string) (archive.Edge, error) {
	rows, err := a.edges(ctx, "WHERE credential_hash = ?", hash)
	return only(rows, err, "there is no edge with this credential")
}

// GetEdge implements archive.Edges.
func (a *Archive) GetEdge(ctx context.Context, id bongsu.EdgeID) (archive.Edge, error) {
	rows, err := a.edges(ctx, "WHERE id = ?", id)
	return only(rows, err, "there is no edge "+string(id))
}

// only gives the one row of a read by key; CodeNotFound with the sentence without it.
func only[T any](rows []T, err error, sentence string) (T, error) {
	var none T
	if err != nil {
		return none, err
	}
	if len(rows) == 0 {
		return none, bongsu.Errorf(bongsu.CodeNotFound, "%s", sentence)
	}
	return rows[0], nil
}

// ListEdges implements archive.Edges.
func (a *Archive) ListEdges(ctx context.Context) ([]archive.Edge, error) {
	return a.edges(ctx, "ORDER BY name, id")
}

// SetEdgeDisabled implements archive.Edges.
func (a *Archive) SetEdgeDisabled(ctx context.Context, id bongsu.EdgeID, disabled bool) error {
	return a.write(ctx, "change edge", func(t *tx) error {
		n, err := t.exec("UPDATE edges SET disabled = ? WHERE id = ?", disabled, id)
		return missing(n, err, "there is no edge %s", id)
	})
}

// ReportCameras implements archive.Edges.
func (a *Archive) ReportCameras(ctx context.Context, edge bongsu.EdgeID, at time.Time, r bongsu.CamerasRequest) error {
	return a.write(ctx, "store camera report", func(t *tx) error {
		t.wake = true
		if err := t.seen(edge, at); err != nil {
			return err
		}
		pending, err := encode(r.Pending)
		if err != nil {
			return err
		}
		if _, err := t.exec("UPDATE edges SET version = ?, pending = ? WHERE id = ?", r.Version, pending, edge); err != nil {
			return err
		}
		ids := make([]bongsu.CameraID, 0, len(r.Cameras))
		for i := range r.Cameras {
			ids = append(ids, r.Cameras[i].ID)
			if err := t.putCamera(edge, at, r.Cameras[i]); err != nil {
				return err
			}
		}
		list, err := encode(ids)
		if err != nil {
			return err
		}
		_, err = t.exec("DELETE FROM cameras WHERE edge = ? AND camera NOT IN (SELECT value FROM json_each(?))", edge, list)
		return err
	})
}

// putCamera stores one status. The still has columns of its own, so that a report without one
// keeps what is there.
func (t *tx) putCamera(edge bongsu.EdgeID, at time.Time, c bongsu.CameraStatus) error {
	still, stillAt := c.Still, c.StillAt
	if len(still) == 0 {
		still, stillAt = nil, time.Time{}
	} else if stillAt.IsZero() || stillAt.After(at) {
		stillAt = at
	}
	c.Still, c.StillAt = nil, time.Time{}
	body, err := encode(c)
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO cameras (edge, camera, body, still, still_us, reported_us) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (edge, camera) DO UPDATE SET body = excluded.body, reported_us = excluded.reported_us,
			still = coalesce(excluded.still, still), still_us = iif(excluded.still IS NULL, still_us, excluded.still_us)`,
		edge, c.ID, body, still, micros(stillAt), micros(at))
	return err
}

// ListCameras implements archive.Edges.
func (a *Archive) ListCameras(ctx context.Context) ([]archive.Camera, error) {
	var out []archive.Camera
	err := a.read(ctx, "list cameras", func(t *tx) error {
		return t.each("SELECT edge, body, still IS NOT NULL, still_us, reported_us FROM cameras ORDER BY edge, camera", nil,
			func(scan func(...any) error) error {
				var c archive.Camera
				var body string
				var still, reported int64
				if err := scan(&c.Edge, &body, &c.HasStill, &still, &reported); err != nil {
					return err
				}
				if err := decode(body, &c.CameraStatus, "camera"); err != nil {
					return err
				}
				c.StillAt, c.Reported = instant(still), instant(reported)
				out = append(out, c)
				return nil
			})
	})
	return out, err
}

// CameraStill implements archive.Edges.
func (a *Archive) CameraStill(ctx context.Context, edge bongsu.EdgeID, camera bongsu.CameraID) ([]byte, time.Time, error) {
	var still []byte
	var us int64
	err := a.read(ctx, "read still", func(t *tx) error {
		there, err := t.found("SELECT still, still_us FROM cameras WHERE edge = ? AND camera = ? AND still IS NOT NULL", []any{edge, camera}, &still, &us)
		if err == nil && !there {
			return bongsu.Errorf(bongsu.CodeNotFound, "camera %s of edge %s has sent no still yet", camera, edge)
		}
		return err
	})
	return still, instant(us), err
}
