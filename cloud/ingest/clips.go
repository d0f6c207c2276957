package ingest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/objects"
)

// offsetHeader says at which byte of the part a body begins, or how many bytes are held.
const offsetHeader = "Upload-Offset"

// clipID names a declared part to its edge. With a part of its hash in it, bytes of a declaration
// that was replaced never meet those of the new one.
func clipID(c *bongsu.Clip) string { return fmt.Sprintf("%s-%d-%.16s", c.Event, c.Part, c.SHA256) }

func parseClipID(id string) (bongsu.ClipKey, bool) {
	if len(id) < 39 || id[36] != '-' {
		return bongsu.ClipKey{}, false
	}
	part, _, ok := strings.Cut(id[37:], "-")
	n, err := strconv.Atoi(part)
	k := bongsu.ClipKey{Event: bongsu.EventID(id[:36]), Part: n}
	return k, ok && err == nil && n >= 0 && bongsu.ValidUUID(id[:36])
}

// declare is POST /edge/clips.
func (g *Ingest) declare(w http.ResponseWriter, r *http.Request) (any, error) {
	edge, err := edgeOf(r)
	if err != nil {
		return nil, err
	}
	b, err := g.body(w, r, 64<<10)
	if err != nil {
		return nil, err
	}
	var req bongsu.ClipRequest
	if err := strict(b, &req); err != nil {
		return nil, err
	}
	if err := checkClip(&req.Clip); err != nil {
		return nil, err
	}
	if err := checkPieces(&req); err != nil {
		return nil, err
	}
	row, err := g.archive.DeclareClip(r.Context(), edge, req.Clip, g.now())
	if err != nil {
		return nil, err
	}
	if row.Complete() || row.Lost() {
		return bongsu.ClipResponse{ID: clipID(&row.Clip), Done: true, Offset: row.Bytes}, nil
	}
	u, err := g.begin(r.Context(), &row)
	if err != nil {
		return nil, err
	}
	if u.Done() { // the object is there, the row was not told: a crash came between
		return g.finish(r.Context(), edge, &row)
	}
	return g.whereTo(r.Context(), &row, u, req.Pieces)
}

// checkPieces refuses hashes of pieces that cannot be those of the part.
func checkPieces(req *bongsu.ClipRequest) error {
	if len(req.Pieces) == 0 {
		return nil
	}
	if want := objects.Pieces(req.Clip.Bytes); len(req.Pieces) != want {
		return bongsu.Errorf(bongsu.CodeInvalid, "pieces: %d hashes for %d bytes; there are %d pieces of %d bytes", len(req.Pieces), req.Clip.Bytes, want, objects.PieceBytes)
	}
	for i, p := range req.Pieces {
		if err := objects.CheckHash(p); err != nil {
			return bongsu.Errorf(bongsu.CodeInvalid, "pieces: hash %d is none: %v", i, err)
		}
	}
	return nil
}

// addressFor is how long an address that leads straight to the object store is good for.
const addressFor = 5 * time.Minute

// whereTo says where the next bytes of a part go: straight to the store when it can take them from
// anybody whom we give an address, else through here.
func (g *Ingest) whereTo(ctx context.Context, row *archive.ClipRow, u objects.Upload, pieces []string) (any, error) {
	if direct, ok := u.(objects.Direct); ok {
		to, ok, err := direct.Presign(ctx, addressFor, pieces)
		if err != nil {
			return nil, err
		}
		if ok {
			g.counts.addresses.Add(1)
			return bongsu.ClipResponse{
				ID: clipID(&row.Clip), Method: to.Method, URL: to.URL, Headers: to.Headers, Offset: to.Offset, Bytes: to.Bytes,
			}, nil
		}
	}
	return bongsu.ClipResponse{
		ID: clipID(&row.Clip), Method: http.MethodPut, URL: "/api/v1/edge/clips/" + clipID(&row.Clip) + "/data", Offset: u.Offset(),
	}, nil
}

func (g *Ingest) begin(ctx context.Context, row *archive.ClipRow) (objects.Upload, error) {
	return g.objects.Begin(ctx, archive.ClipKey(row.Key(), row.SHA256), "video/mp4", row.Bytes, row.SHA256)
}

// finish tells the archive of an object that is in the store.
func (g *Ingest) finish(ctx context.Context, edge bongsu.EdgeID, row *archive.ClipRow) (any, error) {
	if _, err := g.archive.CompleteClip(ctx, edge, row.Key(), row.SHA256, g.now()); err != nil {
		return nil, err
	}
	g.counts.clips.Add(1)
	g.counts.bytes.Add(row.Bytes)
	return bongsu.ClipResponse{ID: clipID(&row.Clip), Done: true, Offset: row.Bytes}, nil
}

// clip finds the declared part that a request's path names.
func (g *Ingest) clip(r *http.Request) (archive.ClipRow, bongsu.EdgeID, error) {
	edge, err := edgeOf(r)
	if err != nil {
		return archive.ClipRow{}, "", err
	}
	id := r.PathValue("id")
	unknown := bongsu.Errorf(bongsu.CodeNotFound, "no clip part of this edge is declared as %.80q; declare it again", id)
	key, ok := parseClipID(id)
	if !ok {
		return archive.ClipRow{}, "", unknown
	}
	row, err := g.archive.GetClip(r.Context(), key)
	if bongsu.CodeOf(err) == bongsu.CodeNotFound || err == nil && row.Edge != edge {
		return archive.ClipRow{}, "", unknown
	}
	if err == nil && clipID(&row.Clip) != id {
		err = bongsu.Errorf(bongsu.CodeConflict, "part %d of the clip of event %s was declared anew with other bytes", key.Part, key.Event)
	}
	return row, edge, err
}

// data is PUT /edge/clips/{id}/data. Bytes that came before a cut are kept; the header of every
// answer says how many are held.
func (g *Ingest) data(w http.ResponseWriter, r *http.Request) (any, error) {
	row, _, err := g.clip(r)
	if err != nil {
		return nil, err
	}
	offset, err := strconv.ParseInt(r.Header.Get(offsetHeader), 10, 64)
	if err != nil || offset < 0 || offset > row.Bytes {
		return nil, bongsu.Errorf(bongsu.CodeInvalid, "header %s: give the number of the first byte sent, from 0 to %d", offsetHeader, row.Bytes)
	}
	held := row.Bytes
	if !row.Complete() {
		u, err := g.begin(r.Context(), &row)
		if err != nil {
			return nil, err
		}
		if held = u.Offset(); !u.Done() {
			if held, err = u.Write(r.Context(), offset, &idleReader{g, w, r.Body}); err != nil {
				w.Header().Set(offsetHeader, strconv.FormatInt(held, 10))
				return nil, err
			}
		}
	}
	w.Header().Set(offsetHeader, strconv.FormatInt(held, 10))
	return nil, nil
}

// idleReader gives every read of a body its own deadline: a slow link may take long, a dead one
// may not.
type idleReader struct {
	g    *Ingest
	w    http.ResponseWriter
	body io.Reader
}

func (r *idleReader) Read(b []byte) (int, error) {
	r.g.deadline(r.w, r.g.limits.Idle)
	return r.body.Read(b)
}

// completeGrace is how long completing may take after its edge has hung up: the work is done
// anyway, and the next declaration finds it.
const completeGrace = 2 * time.Minute

// complete is POST /edge/clips/{id}/complete: the object first, the row after it.
func (g *Ingest) complete(_ http.ResponseWriter, r *http.Request) (any, error) {
	row, edge, err := g.clip(r)
	if err != nil {
		return nil, err
	}
	if row.Complete() {
		return bongsu.ClipResponse{ID: clipID(&row.Clip), Done: true, Offset: row.Bytes}, nil
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(r.Context()), completeGrace)
	defer stop()
	u, err := g.begin(ctx, &row)
	if err != nil {
		return nil, err
	}
	if err := u.Complete(ctx); err != nil {
		return nil, err
	}
	return g.finish(ctx, edge, &row)
}
