package cmd

import (
	"net/http"
	"strings"

	"bongsu"
	"bongsu/cloud/auth"
	"bongsu/cloud/config"
)

// serves says whether a process with these roles answers a route itself. Health, numbers and the
// API's description are everywhere. Edges enrol wherever they are let in; their live view, and the
// commands that come with it, are the console's, which holds both ends.
func serves(r auth.Route, has config.Roles) bool {
	switch {
	case r.Name == "healthz" || r.Name == "metrics" || r.Name == "openapi":
		return true
	case r.Name == "edge.enrol":
		return has.Ingest || has.Console
	case strings.HasPrefix(r.Name, "edge.live"), r.Name == "edge.command":
		return has.Console
	case r.Access == auth.AccessEdge:
		return has.Ingest
	}
	return has.Console
}

// narrow answers for the routes of roles that this process does not have.
func narrow(handlers map[string]http.Handler, has config.Roles, h http.Handler) {
	for _, r := range auth.Routes() {
		if !serves(r, has) {
			handlers[r.Name] = h
		}
	}
}

// elsewhere is the answer for another process's route.
func (s *server) elsewhere() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		auth.WriteError(w, bongsu.Errorf(bongsu.CodeNotFound, "this process has the roles %s, and another one serves this: let the proxy send it there", s.cfg.Roles), s.log)
	})
}
