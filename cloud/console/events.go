package console

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/audit"
	"bongsu/cloud/auth"
)

// unjudged is the value of the parameter verdict for events that nobody has judged.
const unjudged = "none"

// filterNames are the parameters that select events, in the list and in the CSV.
var filterNames = []string{"edge", "camera", "kind", "from", "to", "verdict"}

// eventFilter reads the parameters that select events.
func eventFilter(q *query) archive.EventQuery {
	f := archive.EventQuery{
		Edge:   bongsu.EdgeID(q.name("edge")),
		Camera: bongsu.CameraID(q.name("camera")),
		Kind:   bongsu.EventKind(q.oneOf("kind", "", kindWords()...)),
		From:   q.instant("from"),
		To:     q.instant("to"),
	}
	if !f.From.IsZero() && !f.To.IsZero() && !f.From.Before(f.To) {
		q.fail("to: must be later than from")
	}
	words := []string{unjudged}
	for _, v := range bongsu.Verdicts() {
		words = append(words, string(v))
	}
	if v := q.oneOf("verdict", "", words...); v == unjudged {
		f.Unjudged = true
	} else {
		f.Verdict = bongsu.Verdict(v)
	}
	return f
}

// kindWords are the kinds that events can be selected by.
func kindWords() []string {
	kinds := bongsu.Kinds()
	words := make([]string, len(kinds))
	for i, k := range kinds {
		words[i] = string(k)
	}
	return words
}

type eventsAnswer struct {
	Events []EventView `json:"events"`
	Next   string      `json:"next,omitempty"` // absent after the last page
}

func (c *Console) getEvents(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r, append([]string{"after", "limit"}, filterNames...)...)
	f := eventFilter(q)
	f.After = q.cursor()
	f.Limit = int(q.number("limit", 1, archive.MaxPage, 100))
	if q.err != nil {
		return q.err
	}
	page, err := c.archive.ListEvents(r.Context(), f)
	if err != nil {
		return err
	}
	names, err := c.edgeNames(r.Context())
	if err != nil {
		return err
	}
	out := eventsAnswer{Events: make([]EventView, len(page.Events)), Next: page.Next.String()}
	for i, row := range page.Events {
		out.Events[i] = eventView(row, names)
	}
	return writeJSON(w, out)
}

func (c *Console) eventRow(r *http.Request) (archive.EventRow, error) {
	id, err := pathUUID(r, "event")
	if err != nil {
		return archive.EventRow{}, err
	}
	row, err := c.archive.GetEvent(r.Context(), bongsu.EventID(id))
	return row, missing(err, "there is no event %q", id)
}

func (c *Console) getEvent(w http.ResponseWriter, r *http.Request) error {
	if q := newQuery(r); q.err != nil {
		return q.err
	}
	row, err := c.eventRow(r)
	if err != nil {
		return err
	}
	names, err := c.edgeNames(r.Context())
	if err != nil {
		return err
	}
	return writeJSON(w, eventView(row, names))
}

func (c *Console) getRevisions(w http.ResponseWriter, r *http.Request) error {
	if q := newQuery(r); q.err != nil {
		return q.err
	}
	id, err := pathUUID(r, "event")
	if err != nil {
		return err
	}
	rows, err := c.archive.Revisions(r.Context(), bongsu.EventID(id))
	if err != nil {
		return missing(err, "there is no event %q", id)
	}
	out := struct {
		Revisions []RevisionView `json:"revisions"`
	}{make([]RevisionView, len(rows))}
	for i, row := range rows {
		out.Revisions[i] = RevisionView{Event: row.Event, Received: row.Received, Applied: row.Applied}
	}
	return writeJSON(w, out)
}

// getEventsCSV streams all events that the filter selects, in constant memory. A file that
// cannot be finished is cut off in a way that the caller notices.
func (c *Console) getEventsCSV(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r, append([]string{"bom", "lang"}, filterNames...)...)
	f := eventFilter(q)
	bom, lang := q.flag("bom"), q.oneOf("lang", "ko", "ko", "en")
	if q.err != nil {
		return q.err
	}
	f.Limit = archive.MaxPage
	names, err := c.edgeNames(r.Context())
	if err != nil {
		return err
	}
	page, err := c.archive.ListEvents(r.Context(), f) // what fails here can still be said
	if err != nil {
		return err
	}
	if err := c.audit.Record(r.Context(), entry(r, audit.EventsExport, "events.csv", exported(r))); err != nil {
		return err
	}
	name := "bongsu-events-" + c.now().UTC().Format("20060102T150405Z") + ".csv"
	w.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	out := newCSV(w, bom, lang)
	for {
		for _, row := range page.Events {
			out.row(eventView(row, names))
		}
		if err := out.flush(); err != nil {
			return nil // the caller went away
		}
		if page.Next.IsZero() {
			return nil
		}
		f.After = page.Next
		if page, err = c.archive.ListEvents(r.Context(), f); err != nil {
			c.log.Error("an export was cut off", "err", err)
			panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's own way to cut an answer off
		}
	}
}

// exported is the filter of an export, in a fixed order, for the record.
func exported(r *http.Request) string {
	var parts []string
	v := r.URL.Query()
	for name := range v {
		parts = append(parts, name+"="+v.Get(name))
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

// entry makes an audit entry for whoever asks.
func entry(r *http.Request, action, target, detail string) audit.Entry {
	p := auth.From(r.Context())
	by := p.Actor()
	if p.Token != "" {
		detail = strings.TrimSpace(detail + " with token " + p.Token)
	}
	return audit.Entry{Actor: by.Username, Client: by.Client, Action: action, Target: target, Detail: detail}
}

// alertEvents reads the events of an alert, oldest first: the first and the latest of many.
func (c *Console) alertEvents(ctx context.Context, ids []bongsu.EventID, names edgeNames) ([]EventView, error) {
	const most = 200
	if len(ids) > most {
		ids = append(ids[:1:1], ids[len(ids)-most+1:]...)
	}
	out := []EventView{}
	for _, id := range ids {
		row, err := c.archive.GetEvent(ctx, id)
		if bongsu.CodeOf(err) == bongsu.CodeNotFound {
			continue // retention took it
		}
		if err != nil {
			return nil, err
		}
		out = append(out, eventView(row, names))
	}
	return out, nil
}
