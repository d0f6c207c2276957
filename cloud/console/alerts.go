package console

import (
	"encoding/json"
	"errors"
	"net/http"

	"bongsu"
	"bongsu/cloud/alerts"
	"bongsu/cloud/archive"
	"bongsu/cloud/audit"
	"bongsu/cloud/auth"
)

type alertsAnswer struct {
	Alerts []AlertView `json:"alerts"`
	Seq    int64       `json:"seq"`            // follow /stream after it
	Next   string      `json:"next,omitempty"` // absent after the last page
}

func (c *Console) getAlerts(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r, "state", "after", "limit")
	f := archive.AlertQuery{
		State: archive.AlertState(q.oneOf("state", string(archive.AlertsOpen),
			string(archive.AlertsOpen), string(archive.AlertsClosed), string(archive.AlertsAll))),
		After: q.cursor(),
		Limit: int(q.number("limit", 1, archive.MaxPage, 200)),
	}
	if q.err != nil {
		return q.err
	}
	page, err := c.archive.ListAlerts(r.Context(), f)
	if err != nil {
		return err
	}
	names, err := c.edgeNames(r.Context())
	if err != nil {
		return err
	}
	out := alertsAnswer{Alerts: make([]AlertView, len(page.Alerts)), Seq: page.Seq, Next: page.Next.String()}
	for i, row := range page.Alerts {
		out.Alerts[i] = alertView(row, names)
	}
	return writeJSON(w, out)
}

func (c *Console) getAlert(w http.ResponseWriter, r *http.Request) error {
	if q := newQuery(r); q.err != nil {
		return q.err
	}
	id, err := pathUUID(r, "alert")
	if err != nil {
		return err
	}
	row, err := c.archive.GetAlert(r.Context(), bongsu.AlertID(id))
	if err != nil {
		return missing(err, "there is no alert %q", id)
	}
	names, err := c.edgeNames(r.Context())
	if err != nil {
		return err
	}
	out := AlertDetail{AlertView: alertView(row, names), History: []HistoryView{}}
	if out.EventList, err = c.alertEvents(r.Context(), row.Events, names); err != nil {
		return err
	}
	history, err := c.archive.AlertHistory(r.Context(), row.ID)
	if err != nil {
		return err
	}
	for _, h := range history {
		if h.Action != archive.ActionSeen {
			out.History = append(out.History, HistoryView{
				At: h.At, Actor: h.Actor, ActorName: h.ActorName, Action: h.Action,
				From: h.From, To: h.To, Verdict: h.Verdict, Note: h.Note,
			})
		}
	}
	return writeJSON(w, out)
}

// actor is whoever asks, as alerts know people.
func actor(r *http.Request) alerts.Actor {
	p := auth.From(r.Context())
	return alerts.Actor{Username: p.User.Username, Name: p.User.Name, Client: p.Client(), Admin: p.Admin()}
}

// empty refuses a body that says something.
func empty(w http.ResponseWriter, r *http.Request) error { return readBody(w, r, &struct{}{}) }

func (c *Console) postClaim(w http.ResponseWriter, r *http.Request) error {
	if err := empty(w, r); err != nil {
		return err
	}
	return c.step(w, r, audit.AlertClaim, "", c.policy.Claim(actor(r), c.now()))
}

func (c *Console) postRelease(w http.ResponseWriter, r *http.Request) error {
	if err := empty(w, r); err != nil {
		return err
	}
	return c.step(w, r, audit.AlertRelease, "", c.policy.Release(actor(r), c.now()))
}

func (c *Console) postEvidence(w http.ResponseWriter, r *http.Request) error {
	if err := empty(w, r); err != nil {
		return err
	}
	return c.step(w, r, audit.AlertEvidence, "", c.policy.Evidence(actor(r), c.now()))
}

func (c *Console) postVerdict(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Verdict bongsu.Verdict `json:"verdict"`
		Note    string         `json:"note"`
	}
	if err := readBody(w, r, &in); err != nil {
		return err
	}
	return c.step(w, r, audit.AlertVerdict, string(in.Verdict), c.policy.Verdict(actor(r), c.now(), in.Verdict, in.Note))
}

func (c *Console) postUndo(w http.ResponseWriter, r *http.Request) error {
	if err := empty(w, r); err != nil {
		return err
	}
	return c.step(w, r, audit.AlertUndo, "", c.policy.Undo(actor(r), c.now()))
}

// heldAnswer is the body of a refusal because somebody else holds the alert.
type heldAnswer struct {
	bongsu.WireError
	Owner     string `json:"owner"`
	OwnerName string `json:"owner_name"`
}

// step moves an alert through its life, records it, and answers with the alert as it is then.
func (c *Console) step(w http.ResponseWriter, r *http.Request, action, detail string, change archive.AlertChange) error {
	id, err := pathUUID(r, "alert")
	if err != nil {
		return err
	}
	changed := false
	row, err := c.archive.UpdateAlert(r.Context(), bongsu.AlertID(id), func(a bongsu.Alert, h []archive.HistoryEntry) (bongsu.Alert, []archive.HistoryEntry, error) {
		a, entries, err := change(a, h)
		changed = len(entries) > 0
		return a, entries, err
	})
	var held *alerts.HeldError
	if errors.As(err, &held) {
		return writeHeld(w, err, held)
	}
	if err != nil {
		return missing(err, "there is no alert %q", id)
	}
	if changed {
		if err := c.audit.Record(r.Context(), entry(r, action, "alert "+id, detail)); err != nil {
			return err
		}
	}
	names, err := c.edgeNames(r.Context())
	if err != nil {
		return err
	}
	return writeJSON(w, alertView(row, names))
}

func writeHeld(w http.ResponseWriter, err error, held *alerts.HeldError) error {
	out := heldAnswer{Owner: held.Owner, OwnerName: held.OwnerName}
	out.Error.Code, out.Error.Message = bongsu.CodeOf(err), err.Error()
	var be *bongsu.Error
	if errors.As(err, &be) {
		out.Error.Message = be.Message
	}
	body, err := json.Marshal(out)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(bongsu.HTTPStatus(out.Error.Code))
	_, _ = w.Write(append(body, '\n')) // what fails here is the caller's connection
	return nil
}
