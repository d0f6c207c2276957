package console

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/audit"
)

// LetterView is a dead letter: something that was received and could not be taken in, kept until an
// admin has it tried again or drops it.
type LetterView struct {
	ID         string         `json:"id"`
	Source     string         `json:"source"` // archive: a revision of an event; queue: an entry that nobody could read
	Event      bongsu.EventID `json:"event,omitempty"`
	Revision   int            `json:"revision,omitempty"`
	Edge       bongsu.EdgeID  `json:"edge,omitempty"`
	EdgeName   string         `json:"edge_name,omitempty"`
	Received   *time.Time     `json:"received,omitempty"` // absent of the queue's
	Buried     time.Time      `json:"buried"`
	Deliveries int            `json:"deliveries"` // how often it was tried
	Reason     string         `json:"reason"`
	Entry      string         `json:"entry,omitempty"` // of the queue's: its content
}

// Sources of a LetterView.
const (
	fromArchive = "archive"
	fromQueue   = "queue"
)

type lettersAnswer struct {
	Letters []LetterView `json:"letters"`
	Total   int          `json:"total"` // of those in the archive
	// QueueError says why the queue's are not among the letters: it is away, most likely.
	QueueError string `json:"queue_error,omitempty"`
}

// getLetters lists the newest, the archive's before the queue's.
func (c *Console) getLetters(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r, "limit")
	limit := int(q.number("limit", 1, archive.MaxPage, 100))
	if q.err != nil {
		return q.err
	}
	rows, err := c.archive.DeadLetters(r.Context(), limit)
	if err != nil {
		return err
	}
	total, err := c.archive.CountLetters(r.Context())
	if err != nil {
		return err
	}
	names, err := c.edgeNames(r.Context())
	if err != nil {
		return err
	}
	out := lettersAnswer{Letters: make([]LetterView, 0, len(rows)), Total: total}
	for _, l := range rows {
		out.Letters = append(out.Letters, LetterView{
			ID: string(l.Key.ID) + "." + strconv.Itoa(l.Key.Revision), Source: fromArchive, Event: l.Key.ID, Revision: l.Key.Revision,
			Edge: l.Edge, EdgeName: names.of(l.Edge), Received: &l.Received, Buried: l.Buried, Deliveries: l.Deliveries, Reason: l.Reason,
		})
	}
	if c.letters != nil && len(out.Letters) < limit {
		entries, err := c.letters.DeadLetters(r.Context(), limit-len(out.Letters))
		if err != nil { // the archive's are wanted all the same
			c.log.Warn("the queue's dead letters cannot be read", "err", err)
			out.QueueError = "the queue does not answer: see the server's log"
		}
		for _, e := range entries {
			out.Letters = append(out.Letters, LetterView{
				ID: e.ID, Source: fromQueue, Buried: e.At, Deliveries: e.Deliveries, Reason: e.Reason, Entry: e.Entry,
			})
		}
	}
	return writeJSON(w, out)
}

// letterKey reads the ID of one of the archive's letters; ok is false of another form.
func letterKey(id string) (key bongsu.EventKey, ok bool) {
	event, revision, _ := strings.Cut(id, ".")
	n, err := strconv.Atoi(revision)
	return bongsu.EventKey{ID: bongsu.EventID(event), Revision: n}, err == nil && n > 0 && bongsu.ValidUUID(event)
}

// postLetterRetry puts a letter back: the archive's into the inbox, from where it goes to a worker
// within seconds, the queue's into the queue.
func (c *Console) postLetterRetry(w http.ResponseWriter, r *http.Request) error {
	return c.letter(w, r, audit.LetterRetry, c.archive.Revive, func(ctx context.Context, id string) error { return c.letters.Retry(ctx, id) })
}

// postLetterDrop removes a letter for good.
func (c *Console) postLetterDrop(w http.ResponseWriter, r *http.Request) error {
	return c.letter(w, r, audit.LetterDrop, c.archive.DropLetter, func(ctx context.Context, id string) error { return c.letters.Drop(ctx, id) })
}

// letter records what is about to be done, and does it.
func (c *Console) letter(w http.ResponseWriter, r *http.Request, action string, archived func(context.Context, bongsu.EventKey) error, queued func(context.Context, string) error) error {
	id := r.PathValue("id")
	key, inArchive := letterKey(id)
	if !inArchive && c.letters == nil || len(id) > 64 {
		return bongsu.Errorf(bongsu.CodeNotFound, "there is no dead letter %.64q", id)
	}
	if err := c.audit.Record(r.Context(), entry(r, action, "letter "+id, "")); err != nil {
		return err
	}
	var err error
	if inArchive {
		err = archived(r.Context(), key)
	} else {
		err = queued(r.Context(), id)
	}
	if err != nil {
		return err
	}
	return ok(w)
}

// letterHealth is a reason of /healthz while there are dead letters.
func (c *Console) letterHealth(ctx context.Context) []Reason {
	n, err := c.archive.CountLetters(ctx)
	if err != nil || n == 0 {
		return nil // Ping speaks of an archive that does not answer
	}
	return []Reason{{Code: "dead-letters", Message: fmt.Sprintf("%d revisions of events could not be taken in and wait for an admin", n)}}
}
