package console

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/auth"
)

// document is the part of OpenAPI that the tests read.
type document struct {
	OpenAPI    string
	Paths      map[string]map[string]operation
	Components struct {
		Schemas   map[string]schema
		Responses map[string]response
	}
}

type operation struct {
	OperationID string `json:"operationId"`
	Summary     string
	Access      string `json:"x-access"`
	Parameters  []struct {
		Name, In string
		Required bool
		Schema   schema
	}
	RequestBody *response `json:"requestBody"`
	Responses   map[string]response
}

type response struct {
	Ref     string `json:"$ref"`
	Content map[string]struct{ Schema schema }
}

type schema struct {
	Ref        string `json:"$ref"`
	Type       string
	Format     string
	Enum       []string
	Required   []string
	Properties map[string]schema
	Items      *schema
	Additional json.RawMessage `json:"additionalProperties"`
	AnyOf      []schema        `json:"anyOf"`
}

func readDocument(t *testing.T) *document {
	t.Helper()
	var d document
	if err := json.Unmarshal(openAPI, &d); err != nil {
		t.Fatal(err)
	}
	return &d
}

func (d *document) resolve(s schema) (schema, error) {
	if s.Ref == "" {
		return s, nil
	}
	name, local := strings.CutPrefix(s.Ref, "#/components/schemas/")
	to, known := d.Components.Schemas[name]
	if !local || !known {
		return s, fmt.Errorf("nothing is at %s", s.Ref)
	}
	return to, nil
}

// check says where a value does not fit a schema. Fields that the schema does not name do not fit.
func (d *document) check(at string, s schema, v any) error {
	s, err := d.resolve(s)
	if err != nil {
		return err
	}
	if len(s.AnyOf) > 0 {
		for _, one := range s.AnyOf {
			if err = d.check(at, one, v); err == nil {
				return nil
			}
		}
		return err
	}
	bad := func() error { return fmt.Errorf("%s: %v is no %s %s %v", at, v, s.Type, s.Format, s.Enum) }
	switch s.Type {
	case "object":
		return d.checkObject(at, s, v)
	case "array":
		list, ok := v.([]any)
		if !ok {
			return bad()
		}
		for i, item := range list {
			if err := d.check(fmt.Sprintf("%s[%d]", at, i), *s.Items, item); err != nil {
				return err
			}
		}
	case "string":
		text, ok := v.(string)
		_, notTime := time.Parse(time.RFC3339Nano, text)
		if !ok || s.Enum != nil && !slices.Contains(s.Enum, text) || s.Format == "date-time" && (notTime != nil || !strings.HasSuffix(text, "Z")) ||
			s.Format == "uuid" && !bongsu.ValidUUID(text) {
			return bad()
		}
	case "integer", "number":
		f, ok := v.(float64)
		if !ok || s.Type == "integer" && f != float64(int64(f)) {
			return bad()
		}
	case "boolean":
		if _, ok := v.(bool); !ok {
			return bad()
		}
	default:
		return fmt.Errorf("%s: the schema has the type %q", at, s.Type)
	}
	return nil
}

func (d *document) checkObject(at string, s schema, v any) error {
	fields, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("%s: %v is no object", at, v)
	}
	for _, name := range s.Required {
		if _, there := fields[name]; !there {
			return fmt.Errorf("%s: %s is missing", at, name)
		}
	}
	for name, value := range fields {
		p, known := s.Properties[name]
		if !known {
			if s.Properties == nil {
				continue
			}
			return fmt.Errorf("%s: %s is not described", at, name)
		}
		if err := d.check(at+"."+name, p, value); err != nil {
			return err
		}
	}
	return nil
}

// answer finds the schema of an answer.
func (d *document) answer(method, pattern string, status int) (schema, bool) {
	r, known := d.Paths[pattern][strings.ToLower(method)].Responses[fmt.Sprint(status)]
	if !known {
		r = d.Components.Responses["Error"]
	}
	s, ok := r.Content["application/json"]
	return s.Schema, ok
}

func TestDescriptionFitsTheRouteTable(t *testing.T) {
	d := readDocument(t)
	if d.OpenAPI != "3.1.0" {
		t.Errorf("openapi is %q", d.OpenAPI)
	}
	described := map[string]operation{}
	for path, ops := range d.Paths {
		for method, op := range ops {
			described[strings.ToUpper(method)+" "+path] = op
		}
	}
	for _, r := range auth.Routes() {
		if r.Name == "static" {
			continue // files, no API
		}
		key := r.Method + " " + r.Pattern
		op, known := described[key]
		if !known {
			t.Errorf("%s is not described", key)
			continue
		}
		delete(described, key)
		if op.OperationID != r.Name || op.Access != string(r.Access) || op.Summary == "" {
			t.Errorf("%s: described as %s for %s: %q", key, op.OperationID, op.Access, op.Summary)
		}
		var inPath []string
		for _, p := range op.Parameters {
			if p.In == "path" {
				inPath = append(inPath, "{"+p.Name+"}")
				if !p.Required {
					t.Errorf("%s: %s must be required", key, p.Name)
				}
			}
		}
		for _, p := range inPath {
			if !strings.Contains(r.Pattern, p) {
				t.Errorf("%s: %s is not in the address", key, p)
			}
		}
		if len(inPath) != strings.Count(r.Pattern, "{") {
			t.Errorf("%s: describes only %v", key, inPath)
		}
	}
	for key := range described {
		t.Errorf("%s is described, but not in the table", key)
	}
}

func TestReferencesLead(t *testing.T) {
	d := readDocument(t)
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				var found any = map[string]any{}
				json.Unmarshal(openAPI, &found)
				for _, step := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
					m, _ := found.(map[string]any)
					found = m[step]
				}
				if found == nil {
					t.Errorf("%s: nothing is at %s", at, ref)
				}
			}
			for k, x := range v {
				walk(at+"/"+k, x)
			}
		case []any:
			for _, x := range v {
				walk(at, x)
			}
		}
	}
	var whole any
	if err := json.Unmarshal(openAPI, &whole); err != nil {
		t.Fatal(err)
	}
	walk("#", whole)
	if len(d.Components.Schemas) == 0 {
		t.Error("no schemas")
	}
}

// TestSchemasEqualTheTypes holds each schema to the Go type that is sent: the same fields, and
// required exactly where Go always writes them.
func TestSchemasEqualTheTypes(t *testing.T) {
	d := readDocument(t)
	for name, v := range map[string]any{
		"Error": bongsu.WireError{}, "Held": heldAnswer{}, "Alerts": alertsAnswer{}, "Alert": AlertView{}, "AlertDetail": AlertDetail{}, "History": HistoryView{},
		"Events": eventsAnswer{}, "Event": EventView{}, "Revision": RevisionView{}, "Clip": ClipView{}, "Cameras": camerasAnswer{}, "Camera": CameraView{},
		"Users": usersAnswer{}, "Edges": edgesAnswer{}, "Audit": auditAnswer{}, "User": UserView{}, "Account": AccountView{}, "Edge": EdgeView{}, "Backlog": bongsu.Backlog{}, "AuditRecord": archive.AuditRecord{},
		"Box": bongsu.Box{}, "Point": bongsu.Point{}, "TrailPoint": bongsu.TrailPoint{}, "DecidingFrame": bongsu.DecidingFrame{}, "SetupPurpose": bongsu.PurposeInfo{}, "Reason": bongsu.Reason{}, "Model": bongsu.ModelRef{}, "Clock": bongsu.Clock{}, "Stamps": bongsu.Stamps{},
		"EnrolRequest": bongsu.EnrolRequest{}, "EnrolResponse": bongsu.EnrolResponse{}, "EventsRequest": bongsu.EventsRequest{}, "EventRecord": bongsu.EventRecord{},
		"EdgeEvent": bongsu.Event{}, "EventsResponse": bongsu.EventsResponse{}, "EventResult": bongsu.EventResult{}, "ClipRequest": bongsu.ClipRequest{}, "ClipDeclared": bongsu.Clip{},
		"ClipResponse": bongsu.ClipResponse{}, "CamerasRequest": bongsu.CamerasRequest{}, "CameraStatus": bongsu.CameraStatus{},
		"Health": health{}, "HealthReason": Reason{}, "Letters": lettersAnswer{}, "Letter": LetterView{},
		"FieldFault": bongsu.FieldFault{}, "Fault": bongsu.Fault{}, "CommandAnswer": bongsu.Answer{}, "EdgeSetup": bongsu.SetupView{}, "SetupModel": bongsu.SetupModel{},
		"SetupRuleKind": bongsu.SetupRuleKind{}, "SetupKey": bongsu.SetupKey{}, "ProbeRequest": bongsu.ProbeRequest{}, "ProbeTLS": bongsu.ProbeTLS{}, "ProbeResult": bongsu.ProbeResult{},
		"CameraPut": bongsu.PutRequest{}, "CameraPutResult": bongsu.PutResult{}, "CameraRemoved": bongsu.RemoveResult{},
	} {
		s, known := d.Components.Schemas[name]
		if !known {
			t.Errorf("there is no schema %s", name)
			continue
		}
		always, all := fieldsOf(reflect.TypeOf(v))
		described := slices.Sorted(maps.Keys(s.Properties))
		slices.Sort(all)
		slices.Sort(always)
		slices.Sort(s.Required)
		if !slices.Equal(described, all) {
			t.Errorf("%s describes %v\nGo sends %v", name, described, all)
		}
		if !slices.Equal(s.Required, always) {
			t.Errorf("%s requires %v\nGo always sends %v", name, s.Required, always)
		}
	}
	if got, want := d.Components.Schemas["Verdict"].Enum, bongsu.Verdicts(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("verdicts %v, want %v", got, want)
	}
}

// fieldsOf gives the JSON names of a type's fields, as encoding/json has them.
func fieldsOf(t reflect.Type) (always, all []string) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			a, b := fieldsOf(f.Type)
			always, all = append(always, a...), append(all, b...)
			continue
		}
		if name == "" || name == "-" {
			continue
		}
		all = append(all, name)
		if opts == "" {
			always = append(always, name)
		}
	}
	return unique(always), unique(all)
}

func unique(s []string) []string {
	slices.Sort(s)
	return slices.Compact(s)
}

// TestAnswersFitTheDescription asks a live site and holds each answer to its schema.
func TestAnswersFitTheDescription(t *testing.T) {
	s := newSite(t)
	d := readDocument(t)
	boss, kim := s.user("boss", archive.RoleAdmin), s.user("kim", archive.RoleOperator)
	e := s.newEvent(func(e *bongsu.Event) {
		e.Zone = []bongsu.Point{{X: 0, Y: 0}, {X: 1, Y: 0}, {X: 1, Y: 1}}
		e.Trail = []bongsu.TrailPoint{{At: e.Start, Box: e.Box}}
		e.Reasons = []bongsu.Reason{{Name: "score", Value: 0.9, Threshold: 0.5}}
		e.Clock.CameraClaim = e.Start
		e.Stamps.FiredUS = 1
	})
	alert := string(s.deliver(e, jpeg))
	s.clip(e.ID, 0, []byte("pictures"), true)
	s.clip(e.ID, 1, []byte("more"), false)
	s.report(bongsu.CameraStatus{ID: "cam1", Name: "정문", State: bongsu.CameraLive, Since: s.clock.now(), Still: jpeg, StillAt: s.clock.now()})
	id := string(e.ID)
	const none = "0193a5f0-0000-7000-8000-000000000000"
	for _, tc := range []struct {
		who     *user
		method  string
		pattern string
		path    string
		in      any
		status  int
	}{
		{kim, "GET", "/healthz", "", nil, 200},
		{kim, "GET", "/api/openapi.json", "", nil, 200},
		{kim, "GET", "/api/v1/setup", "", nil, 200},
		{kim, "POST", "/api/v1/setup", "", map[string]string{"code": "x", "username": "eve", "password": password}, 409},
		{kim, "POST", "/api/v1/login", "", map[string]string{"username": "kim", "password": password}, 200},
		{kim, "POST", "/api/v1/login", "", map[string]string{"username": "kim", "password": "wrong"}, 401},
		{kim, "GET", "/api/v1/me", "", nil, 200},
		{boss, "GET", "/api/v1/users", "", nil, 200},
		{kim, "GET", "/api/v1/users", "", nil, 403},
		{boss, "POST", "/api/v1/users", "", map[string]string{"username": "lee", "role": "operator", "password": password}, 200},
		{boss, "POST", "/api/v1/users/{username}/disable", "/api/v1/users/lee/disable", nil, 204},
		{boss, "GET", "/api/v1/edges", "", nil, 200},
		{boss, "POST", "/api/v1/edges/tokens", "", map[string]string{"name": "gate"}, 200},
		{kim, "GET", "/api/v1/cameras", "", nil, 200},
		{kim, "GET", "/api/v1/alerts", "", nil, 200},
		{kim, "GET", "/api/v1/alerts", "/api/v1/alerts?state=new", nil, 400},
		{kim, "POST", "/api/v1/alerts/{id}/claim", "/api/v1/alerts/" + alert + "/claim", nil, 200},
		{boss, "POST", "/api/v1/alerts/{id}/claim", "/api/v1/alerts/" + alert + "/claim", nil, 409},
		{kim, "POST", "/api/v1/alerts/{id}/release", "/api/v1/alerts/" + alert + "/release", nil, 200},
		{kim, "POST", "/api/v1/alerts/{id}/verdict", "/api/v1/alerts/" + alert + "/verdict", map[string]string{"verdict": "training"}, 409},
		{kim, "POST", "/api/v1/alerts/{id}/evidence", "/api/v1/alerts/" + alert + "/evidence", nil, 200},
		{kim, "POST", "/api/v1/alerts/{id}/verdict", "/api/v1/alerts/" + alert + "/verdict", map[string]string{"verdict": "training", "note": "x"}, 200},
		{kim, "POST", "/api/v1/alerts/{id}/undo", "/api/v1/alerts/" + alert + "/undo", nil, 200},
		{kim, "POST", "/api/v1/alerts/{id}/verdict", "/api/v1/alerts/" + alert + "/verdict", map[string]string{"verdict": "training"}, 200},
		{kim, "GET", "/api/v1/alerts/{id}", "/api/v1/alerts/" + alert, nil, 200},
		{kim, "GET", "/api/v1/alerts/{id}", "/api/v1/alerts/" + none, nil, 404},
		{kim, "GET", "/api/v1/events", "", nil, 200},
		{kim, "GET", "/api/v1/events/{id}", "/api/v1/events/" + id, nil, 200},
		{kim, "GET", "/api/v1/events/{id}/revisions", "/api/v1/events/" + id + "/revisions", nil, 200},
		{kim, "GET", "/api/v1/events/{id}/clips/{part}", "/api/v1/events/" + id + "/clips/1", nil, 404},
		{boss, "GET", "/api/v1/audit", "", nil, 200},
		{boss, "POST", "/api/v1/edges/{edge}/revoke", "/api/v1/edges/" + string(s.edge) + "/revoke", nil, 204},
		{kim, "POST", "/api/v1/logout", "", nil, 204},
	} {
		if tc.path == "" {
			tc.path = tc.pattern
		}
		a := tc.who.ask(tc.method, tc.path, tc.in)
		if a.status != tc.status {
			t.Errorf("%s %s: %d %s, want %d", tc.method, tc.path, a.status, a.body, tc.status)
			continue
		}
		fit, ok := d.answer(tc.method, tc.pattern, a.status)
		if a.status == http.StatusNoContent {
			continue
		}
		var v any
		if err := json.Unmarshal(a.body, &v); err != nil || !ok {
			t.Errorf("%s %s: %v (described: %t)", tc.method, tc.path, err, ok)
			continue
		}
		if err := d.check("answer", fit, v); err != nil {
			t.Errorf("%s %s: %v", tc.method, tc.path, err)
		}
	}
}

// What is described as a parameter is taken, and the reverse.
func TestParametersFitTheDescription(t *testing.T) {
	s := newSite(t)
	boss := s.user("boss", archive.RoleAdmin)
	d := readDocument(t)
	for path, ops := range d.Paths {
		op, get := ops["get"]
		if !get || strings.Contains(path, "{") || op.Access == "public" || op.Access == "local" || op.Access == "edge" || op.OperationID == "me" || strings.HasPrefix(op.OperationID, "users") || strings.HasPrefix(op.OperationID, "edges") {
			continue
		}
		a := boss.ask("GET", path+"?nonsense=1", nil)
		var names []string
		for _, p := range op.Parameters {
			if p.In == "query" {
				names = append(names, p.Name)
			}
		}
		want := takes(names)
		if got := a.sentence(); !strings.HasSuffix(got, want) {
			t.Errorf("%s: %s\ndescribed: %s", path, got, want)
		}
	}
}

// TestKindsOfTheDocument: the document names the kinds that this release knows.
func TestKindsOfTheDocument(t *testing.T) {
	got := slices.Sorted(slices.Values(readDocument(t).Components.Schemas["Kind"].Enum))
	if want := slices.Sorted(slices.Values(kindWords())); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
