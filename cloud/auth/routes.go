package auth

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Access is the least that a caller must be to reach a route.
type Access string

// Kinds of access. An operator reaches what operators may, an admin that and more; an edge
// reaches the edges' routes and nothing else, and nobody else reaches those.
const (
	AccessPublic   Access = "public"   // anybody
	AccessLocal    Access = "local"    // a caller on this machine that no proxy speaks for, or an admin
	AccessEdge     Access = "edge"     // an enrolled edge
	AccessOperator Access = "operator" // a logged-in user or a script's token
	AccessAdmin    Access = "admin"    // the same, of an admin
)

// Route is one row of the table: what may be asked of the server, and by whom.
type Route struct {
	Method  string // "" only for the static files: GET and HEAD
	Pattern string // as http.ServeMux has it
	Access  Access
	Name    string // of the handler
	Doc     string // one line, for the API's description
}

// routes is the whole surface of the server. What is not in it does not exist.
var routes = []Route{
	{"GET", "/healthz", AccessPublic, "healthz", "Whether the server can work: 200, or 503 and why"},
	{"GET", "/metrics", AccessLocal, "metrics", "Numbers about the server, Prometheus text format"},
	{"GET", "/api/openapi.json", AccessPublic, "openapi", "This description"},

	{"GET", "/api/v1/setup", AccessPublic, "setup.state", "Whether the first admin is still to be made"},
	{"POST", "/api/v1/setup", AccessPublic, "setup.do", "Make the first admin with the one-time set-up code, and log in"},
	{"POST", "/api/v1/login", AccessPublic, "login", "Log in; sets the session cookie"},
	{"POST", "/api/v1/logout", AccessOperator, "logout", "End this session"},
	{"GET", "/api/v1/me", AccessOperator, "me", "Who I am"},

	{"GET", "/api/v1/users", AccessAdmin, "users.list", "All users"},
	{"POST", "/api/v1/users", AccessAdmin, "users.add", "Add a user"},
	{"POST", "/api/v1/users/{username}/disable", AccessAdmin, "users.disable", "Shut a user out, at once"},
	{"GET", "/api/v1/edges", AccessAdmin, "edges.list", "All edges"},
	{"POST", "/api/v1/edges/tokens", AccessAdmin, "edges.token", "Make a one-time token with which an edge enrols"},
	{"POST", "/api/v1/edges/{edge}/revoke", AccessAdmin, "edges.revoke", "Shut an edge out, at once"},

	{"GET", "/api/v1/edges/{edge}/setup", AccessOperator, "edges.setup", "How the cameras of an edge are configured"},
	{"POST", "/api/v1/edges/{edge}/probe", AccessAdmin, "edges.probe", "Have an edge look at a camera; audited"},
	{"PUT", "/api/v1/edges/{edge}/setup/{camera}", AccessAdmin, "edges.setup.put", "Make or change a camera of an edge; audited"},
	{"DELETE", "/api/v1/edges/{edge}/setup/{camera}", AccessAdmin, "edges.setup.remove", "Take a camera away from an edge; audited"},

	{"GET", "/api/v1/cameras", AccessOperator, "cameras.list", "All cameras as their edges last reported them"},
	{"GET", "/api/v1/cameras/{edge}/{camera}/still", AccessOperator, "cameras.still", "The last still of a camera; audited"},
	{"GET", "/api/v1/cameras/{edge}/{camera}/live", AccessOperator, "live.view", "A camera as it is now (WebSocket); audited"},

	{"GET", "/api/v1/alerts", AccessOperator, "alerts.list", "Alerts"},
	{"GET", "/api/v1/alerts/{id}", AccessOperator, "alerts.get", "One alert with its events and history"},
	{"POST", "/api/v1/alerts/{id}/claim", AccessOperator, "alerts.claim", "Take an alert: exactly one caller wins"},
	{"POST", "/api/v1/alerts/{id}/release", AccessOperator, "alerts.release", "Give an alert back"},
	{"POST", "/api/v1/alerts/{id}/evidence", AccessOperator, "alerts.evidence", "Say that I opened the evidence"},
	{"POST", "/api/v1/alerts/{id}/verdict", AccessOperator, "alerts.verdict", "Judge an alert"},
	{"POST", "/api/v1/alerts/{id}/undo", AccessOperator, "alerts.undo", "Take back my last verdict, within 10 s"},

	{"GET", "/api/v1/events", AccessOperator, "events.list", "Events, the newest first"},
	{"GET", "/api/v1/events.csv", AccessOperator, "events.csv", "The same as CSV (RFC 4180)"},
	{"GET", "/api/v1/events/{id}", AccessOperator, "events.get", "One event at its latest revision"},
	{"GET", "/api/v1/events/{id}/revisions", AccessOperator, "events.revisions", "All revisions of an event"},
	{"GET", "/api/v1/events/{id}/snapshot", AccessOperator, "events.snapshot", "The picture that decided; audited"},
	{"GET", "/api/v1/events/{id}/clips/{part}", AccessOperator, "events.clip", "One part of the clip, with ranges; audited"},
	{"GET", "/api/v1/stream", AccessOperator, "stream", "Changes as they happen (server-sent events)"},
	{"GET", "/api/v1/audit", AccessAdmin, "audit.list", "Who saw or changed what"},
	{"GET", "/api/v1/deadletters", AccessAdmin, "letters.list", "What was received and could not be taken in"},
	{"POST", "/api/v1/deadletters/{id}/retry", AccessAdmin, "letters.retry", "Try a dead letter again"},
	{"POST", "/api/v1/deadletters/{id}/drop", AccessAdmin, "letters.drop", "Remove a dead letter for good"},

	{"POST", "/api/v1/edge/enrol", AccessPublic, "edge.enrol", "Trade a one-time token for an edge's credential"},
	{"POST", "/api/v1/edge/events", AccessEdge, "edge.events", "Deliver revisions of events"},
	{"POST", "/api/v1/edge/cameras", AccessEdge, "edge.cameras", "Report on the edge and its cameras"},
	{"POST", "/api/v1/edge/clips", AccessEdge, "edge.clips", "Declare a clip part"},
	{"PUT", "/api/v1/edge/clips/{id}/data", AccessEdge, "edge.clip.data", "Send bytes of a declared part"},
	{"POST", "/api/v1/edge/clips/{id}/complete", AccessEdge, "edge.clip.complete", "Check a part's size and hash and keep it"},
	{"GET", "/api/v1/edge/live", AccessEdge, "edge.live", "An edge waits for wishes for live pictures (WebSocket)"},
	{"POST", "/api/v1/edge/commands/{id}", AccessEdge, "edge.command", "An edge answers a command that it got over its control connection"},
	{"GET", "/api/v1/edge/live/{session}", AccessEdge, "edge.live.media", "An edge sends live pictures (WebSocket)"},

	{"", "/", AccessPublic, "static", "The console's own files; they hold no data"},
}

// Routes is a copy of the table.
func Routes() []Route { return slices.Clone(routes) }

// Unsafe reports whether a request by this route may change something.
func (r Route) Unsafe() bool { return r.Method != "" && r.Method != http.MethodGet }

// pattern is the row as http.ServeMux has it.
func (r Route) pattern() string { return strings.TrimSpace(r.Method + " " + r.Pattern) }

// Mux joins the table to handlers by name and puts the guard in front of each. It refuses a
// row without a handler and a handler without a row, so that no route exists unguarded.
func (g *Guard) Mux(handlers map[string]http.Handler) (http.Handler, error) {
	mux := http.NewServeMux()
	left := make(map[string]bool, len(handlers))
	for name := range handlers {
		left[name] = true
	}
	for _, r := range routes {
		h := handlers[r.Name]
		if h == nil {
			return nil, fmt.Errorf("auth: route %s has no handler %q", r.pattern(), r.Name)
		}
		delete(left, r.Name)
		mux.Handle(r.pattern(), g.wrap(r, h))
	}
	if len(left) > 0 {
		return nil, fmt.Errorf("auth: handlers without a route: %v", left)
	}
	return g.unmatched(mux), nil
}
