package auth

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/archive/sqlite"
	"bongsu/cloud/audit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a Service over a real archive, with a clock of its own and a log to search.
type rig struct {
	*Service
	store *sqlite.Archive
	audit *audit.Recorder
	clock *clock
	log   *bytes.Buffer
	setup string
}

func newRig(t *testing.T) *rig {
	t.Helper()
	dir := t.TempDir()
	store, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(dir, "cloud.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	r := &rig{store: store, clock: newClock(), log: &bytes.Buffer{}, setup: filepath.Join(dir, "setup-code")}
	log := slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r.audit = audit.New(audit.Options{Store: store, Now: r.clock.now, Log: log})
	r.Service = New(Options{
		Store: store, Audit: r.audit, Hasher: NewHasher(cheap, 4), Now: r.clock.now, SetupFile: r.setup, Log: log,
	})
	return r
}

const password = "canary-Pa55word-봉수"

func (r *rig) add(t *testing.T, username string, role archive.Role) {
	t.Helper()
	if _, err := r.AddUser(t.Context(), CLI, NewUser{Username: username, Name: "김 " + username, Role: role, Password: password}); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) login(t *testing.T, username string) string {
	t.Helper()
	_, secret, err := r.Login(t.Context(), "192.0.2.1", username, password)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func (r *rig) actions(t *testing.T) string {
	t.Helper()
	rows, err := r.store.ListAudit(t.Context(), archive.AuditQuery{Limit: archive.MaxPage})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, row := range rows {
		out = append(out, row.Actor+":"+row.Action)
	}
	return strings.Join(out, " ")
}

func TestLoginLogout(t *testing.T) {
	r := newRig(t)
	r.add(t, "kim", archive.RoleOperator)
	secret := r.login(t, "kim")
	p, err := r.session(t.Context(), secret)
	if err != nil || p.User.Username != "kim" || p.User.PasswordHash != "" {
		t.Fatalf("%+v, %v", p, err)
	}
	if err := r.Logout(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if _, err := r.session(t.Context(), secret); bongsu.CodeOf(err) != bongsu.CodeUnauthorized {
		t.Errorf("after logout: %v", err)
	}
	if err := r.Still(t.Context(), p); bongsu.CodeOf(err) != bongsu.CodeUnauthorized {
		t.Errorf("a stream after logout: %v", err)
	}
	if got := r.actions(t); got != "cli:user.add kim:login kim:logout" {
		t.Errorf("records: %s", got)
	}
}

func TestEachLoginIsANewSession(t *testing.T) {
	r := newRig(t)
	r.add(t, "kim", archive.RoleOperator)
	if a, b := r.login(t, "kim"), r.login(t, "kim"); a == b {
		t.Error("two logins have one session")
	}
}

// What is wrong is never told: one sentence for all, so that no list of users can be made.
func TestWrongLogins(t *testing.T) {
	r := newRig(t)
	r.add(t, "kim", archive.RoleOperator)
	r.add(t, "boss", archive.RoleAdmin)
	r.add(t, "gone", archive.RoleOperator)
	if err := r.DisableUser(t.Context(), CLI, "gone"); err != nil {
		t.Fatal(err)
	}
	for _, tc := range [][2]string{{"kim", "wrong"}, {"nobody", password}, {"gone", password}, {"", ""}, {strings.Repeat("x", 1000), password}, {"kim", strings.Repeat("x", 1000)}} {
		_, secret, err := r.Login(t.Context(), "192.0.2.1", tc[0], tc[1])
		if secret != "" || err == nil || err.Error() != "the username or the password is wrong" || bongsu.CodeOf(err) != bongsu.CodeUnauthorized {
			t.Errorf("%.20q: %q, %v", tc[0], secret, err)
		}
	}
	if got := r.actions(t); strings.Contains(got, "nobody") || !strings.Contains(got, "kim:login.failed") || !strings.Contains(got, " :login.failed") {
		t.Errorf("records: %s", got)
	}
	r.login(t, "KIM") // case of a username does not count
}

func TestThrottledLogin(t *testing.T) {
	r := newRig(t)
	r.add(t, "kim", archive.RoleOperator)
	wrong := 0
	var err error
	for range 1000 {
		if _, _, err = r.Login(t.Context(), "192.0.2.1", "kim", "wrong"); bongsu.CodeOf(err) == bongsu.CodeUnauthorized {
			wrong++
		}
	}
	var re *RetryError
	if wrong > 10 || !errors.As(err, &re) || re.After <= 0 || bongsu.CodeOf(err) != bongsu.CodeThrottled {
		t.Fatalf("%d guesses were checked; last: %v", wrong, err)
	}
	if n := strings.Count(r.actions(t), "login.throttled"); n != 1 {
		t.Errorf("%d records of throttling within a minute, want 1", n)
	}
	if _, _, err := r.Login(t.Context(), "192.0.2.1", "kim", password); bongsu.CodeOf(err) != bongsu.CodeThrottled {
		t.Errorf("the right password while throttled: %v", err)
	}
	r.clock.add(time.Minute)
	r.login(t, "kim")
}

func TestSessionEndsWhenIdle(t *testing.T) {
	r := newRig(t)
	r.add(t, "kim", archive.RoleOperator)
	secret := r.login(t, "kim")
	for range 10 { // used every 29 min it lives
		r.clock.add(29 * time.Minute)
		if _, err := r.session(t.Context(), secret); err != nil {
			t.Fatalf("in use: %v", err)
		}
	}
	r.clock.add(30*time.Minute + time.Second)
	if _, err := r.session(t.Context(), secret); bongsu.CodeOf(err) != bongsu.CodeUnauthorized {
		t.Errorf("after 30 idle minutes: %v", err)
	}
}

func TestSessionEndsInAnyCase(t *testing.T) {
	r := newRig(t)
	r.add(t, "kim", archive.RoleOperator)
	secret := r.login(t, "kim")
	start := r.clock.t
	var last time.Duration
	for {
		r.clock.add(10 * time.Minute)
		if _, err := r.session(t.Context(), secret); err != nil {
			break
		}
		last = r.clock.t.Sub(start)
	}
	if last != 12*time.Hour-10*time.Minute {
		t.Errorf("a session in use lived %s, want just under 12 h", last)
	}
}

func TestRevocationIsAtOnce(t *testing.T) {
	for name, revoke := range map[string]func(*rig, context.Context) error{
		"disable":  func(r *rig, ctx context.Context) error { return r.DisableUser(ctx, CLI, "kim") },
		"password": func(r *rig, ctx context.Context) error { return r.SetPassword(ctx, CLI, "kim", "another one") },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.add(t, "boss", archive.RoleAdmin)
			r.add(t, "kim", archive.RoleOperator)
			p, err := r.session(t.Context(), r.login(t, "kim"))
			if err != nil {
				t.Fatal(err)
			}
			token, err := r.UserToken(t.Context(), CLI, "kim", "script", 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := revoke(r, t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := r.Still(t.Context(), p); bongsu.CodeOf(err) != bongsu.CodeUnauthorized {
				t.Errorf("an open stream goes on: %v", err)
			}
			_, err = r.bearer(t.Context(), token)
			if gone := bongsu.CodeOf(err) == bongsu.CodeUnauthorized; gone != (name == "disable") {
				t.Errorf("the token: %v", err)
			}
		})
	}
}

func TestLastAdminStays(t *testing.T) {
	r := newRig(t)
	r.add(t, "boss", archive.RoleAdmin)
	r.add(t, "kim", archive.RoleOperator)
	if err := r.DisableUser(t.Context(), CLI, "boss"); bongsu.CodeOf(err) != bongsu.CodeConflict {
		t.Errorf("the last admin: %v", err)
	}
	r.add(t, "boss2", archive.RoleAdmin)
	if err := r.DisableUser(t.Context(), CLI, "boss"); err != nil {
		t.Error(err)
	}
	if err := r.DisableUser(t.Context(), CLI, "nobody"); bongsu.CodeOf(err) != bongsu.CodeNotFound {
		t.Errorf("nobody: %v", err)
	}
}

func TestTokens(t *testing.T) {
	r := newRig(t)
	r.add(t, "kim", archive.RoleOperator)
	lasting, err := r.UserToken(t.Context(), CLI, "kim", "script", 0)
	if err != nil {
		t.Fatal(err)
	}
	day, err := r.UserToken(t.Context(), CLI, "kim", "day", 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := r.bearer(t.Context(), day); err != nil || p.User.Username != "kim" || p.Token != "day" {
		t.Errorf("%+v, %v", p, err)
	}
	r.clock.add(25 * time.Hour)
	if _, err := r.bearer(t.Context(), day); bongsu.CodeOf(err) != bongsu.CodeUnauthorized {
		t.Errorf("after its time: %v", err)
	}
	if _, err := r.bearer(t.Context(), lasting); err != nil {
		t.Error(err)
	}
	for _, wrong := range []string{"", "x", lasting + "x", kindToken + strings.Repeat("A", 43), r.login(t, "kim")} {
		if _, err := r.bearer(t.Context(), wrong); bongsu.CodeOf(err) != bongsu.CodeUnauthorized {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	if _, err := r.UserToken(t.Context(), CLI, "kim", " ", 0); bongsu.CodeOf(err) != bongsu.CodeInvalid {
		t.Errorf("a token without a name: %v", err)
	}
	if _, err := r.UserToken(t.Context(), CLI, "nobody", "x", 0); bongsu.CodeOf(err) != bongsu.CodeNotFound {
		t.Errorf("a token of nobody: %v", err)
	}
}

func TestEnrolOnce(t *testing.T) {
	r := newRig(t)
	token, expires, err := r.EdgeToken(t.Context(), CLI, "정문 edge 1")
	if err != nil || !expires.Equal(r.clock.t.Add(EnrolFor)) {
		t.Fatal(expires, err)
	}
	const edges = 16
	var wg sync.WaitGroup
	won := make(chan bongsu.EnrolResponse, edges)
	for i := range edges {
		wg.Go(func() { // from different addresses, so that throttling does not decide
			out, err := r.Enrol(t.Context(), "192.0.2."+string(rune('a'+i)), bongsu.EnrolRequest{Token: token, Name: "정문 Gate 1"})
			if err == nil {
				won <- out
			} else if bongsu.CodeOf(err) != bongsu.CodeUnauthorized {
				t.Errorf("a loser: %v", err)
			}
		})
	}
	wg.Wait()
	if len(won) != 1 {
		t.Fatalf("%d edges enrolled with one token", len(won))
	}
	e := <-won
	if !strings.HasPrefix(string(e.Edge), "gate-1-") || !bongsu.ValidName(string(e.Edge)) {
		t.Errorf("edge %q", e.Edge)
	}
	p, err := r.bearer(t.Context(), e.Credential)
	if err != nil || p.Edge != e.Edge || p.User.Username != "" {
		t.Fatalf("%+v, %v", p, err)
	}
	if err := r.RevokeEdge(t.Context(), CLI, e.Edge); err != nil {
		t.Fatal(err)
	}
	if _, err := r.bearer(t.Context(), e.Credential); bongsu.CodeOf(err) != bongsu.CodeUnauthorized {
		t.Errorf("after revocation: %v", err)
	}
	if err := r.RevokeEdge(t.Context(), CLI, "nobody"); bongsu.CodeOf(err) != bongsu.CodeNotFound {
		t.Errorf("revoking nobody: %v", err)
	}
}

func TestEnrolRefused(t *testing.T) {
	r := newRig(t)
	token, _, err := r.EdgeToken(t.Context(), CLI, "gate")
	if err != nil {
		t.Fatal(err)
	}
	r.clock.add(EnrolFor + time.Second)
	for _, tok := range []string{token, "", "x", kindEnrol + strings.Repeat("A", 43)} {
		if _, err := r.Enrol(t.Context(), "192.0.2.1", bongsu.EnrolRequest{Token: tok, Name: "gate"}); bongsu.CodeOf(err) != bongsu.CodeUnauthorized {
			t.Errorf("%q: %v", tok, err)
		}
	}
	if _, err := r.Enrol(t.Context(), "192.0.2.1", bongsu.EnrolRequest{Token: token, Name: "a\nb"}); bongsu.CodeOf(err) != bongsu.CodeInvalid {
		t.Errorf("a name with a line break: %v", err)
	}
	if n := strings.Count(r.actions(t), audit.EdgeEnrolFailed); n != 4 {
		t.Errorf("%d records of failed enrolments, want 4", n)
	}
}

func TestEdgeIDs(t *testing.T) {
	for _, name := range []string{"정문", "Gate 1", "---", "A very long name of an edge that goes on and on", "x"} {
		id := newEdgeID(name)
		if !bongsu.ValidName(string(id)) || id == newEdgeID(name) {
			t.Errorf("%q: %q", name, id)
		}
	}
}

func TestSetup(t *testing.T) {
	r := newRig(t)
	code, err := r.PrepareSetup(t.Context())
	if err != nil || len(code) != 29 {
		t.Fatalf("%q, %v", code, err)
	}
	info, err := os.Stat(r.setup)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	if again, err := r.PrepareSetup(t.Context()); again != "" || err != nil {
		t.Errorf("a second start printed it again: %q, %v", again, err)
	}
	if needed, err := r.SetupNeeded(t.Context()); !needed || err != nil {
		t.Errorf("%t, %v", needed, err)
	}
	boss := NewUser{Username: "boss", Name: "관리자", Role: archive.RoleOperator, Password: password}
	if _, _, err := r.Setup(t.Context(), "192.0.2.1", "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA", boss); bongsu.CodeOf(err) != bongsu.CodeForbidden {
		t.Errorf("a wrong code: %v", err)
	}
	if _, _, err := r.Setup(t.Context(), "192.0.2.1", code, NewUser{Username: "boss", Password: "short"}); bongsu.CodeOf(err) != bongsu.CodeInvalid {
		t.Errorf("a short password: %v", err)
	}
	u, secret, err := r.Setup(t.Context(), "192.0.2.1", strings.ToLower(" "+code+"\n"), boss)
	if err != nil || u.Role != archive.RoleAdmin {
		t.Fatalf("%+v, %v", u, err)
	}
	if p, err := r.session(t.Context(), secret); err != nil || !p.Admin() {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := os.Stat(r.setup); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the code's file is still there: %v", err)
	}
	if _, _, err := r.Setup(t.Context(), "192.0.2.1", code, NewUser{Username: "eve", Password: password}); bongsu.CodeOf(err) != bongsu.CodeConflict {
		t.Errorf("the code a second time: %v", err)
	}
	if code, err := r.PrepareSetup(t.Context()); code != "" || err != nil {
		t.Errorf("after set-up: %q, %v", code, err)
	}
	if got := r.actions(t); got != ":setup.failed boss:setup" {
		t.Errorf("records: %s", got)
	}
}

func TestSetupOnce(t *testing.T) {
	r := newRig(t)
	code, err := r.PrepareSetup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for i := range 8 {
		wg.Go(func() {
			name := "boss" + string(rune('a'+i))
			if _, _, err := r.Setup(t.Context(), "192.0.2."+name, code, NewUser{Username: name, Password: password}); err == nil {
				mu.Lock()
				won++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	users, err := r.store.ListUsers(t.Context())
	if won != 1 || len(users) != 1 || err != nil {
		t.Errorf("%d set-ups won, %d users (%v)", won, len(users), err)
	}
}

func TestSetupGuessesAreThrottled(t *testing.T) {
	r := newRig(t)
	if _, err := r.PrepareSetup(t.Context()); err != nil {
		t.Fatal(err)
	}
	checked := 0
	for i := range 200 { // from ever new addresses
		_, _, err := r.Setup(t.Context(), "192.0.2."+string(rune(i)), "WRONG", NewUser{Username: "eve", Password: password})
		if bongsu.CodeOf(err) == bongsu.CodeForbidden {
			checked++
		}
	}
	if checked > 10 {
		t.Errorf("%d guesses were checked", checked)
	}
}

func TestLostSetupFileIsMadeAnew(t *testing.T) {
	r := newRig(t)
	first, err := r.PrepareSetup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(r.setup)
	second, err := r.PrepareSetup(t.Context())
	if err != nil || second == "" || second == first {
		t.Fatalf("%q after %q, %v", second, first, err)
	}
	if _, _, err := r.Setup(t.Context(), "192.0.2.1", first, NewUser{Username: "eve", Password: password}); bongsu.CodeOf(err) != bongsu.CodeForbidden {
		t.Errorf("the lost code: %v", err)
	}
}

func TestUserMadeOnTheCommandLineEndsSetup(t *testing.T) {
	r := newRig(t)
	if _, err := r.PrepareSetup(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.add(t, "boss", archive.RoleAdmin)
	if _, err := os.Stat(r.setup); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the code's file is still there: %v", err)
	}
	if _, err := r.store.GetMeta(t.Context(), setupKey); bongsu.CodeOf(err) != bongsu.CodeNotFound {
		t.Errorf("the code still counts: %v", err)
	}
}

func TestWrongUsers(t *testing.T) {
	r := newRig(t)
	r.add(t, "kim", archive.RoleOperator)
	for _, tc := range []struct {
		u    NewUser
		want string
	}{
		{NewUser{Username: "Kim!", Role: archive.RoleAdmin, Password: password}, "username: \"Kim!\" cannot be a name"},
		{NewUser{Username: "lee", Name: "a\x00b", Role: archive.RoleAdmin, Password: password}, "name: must be 1 to 64 printable characters"},
		{NewUser{Username: "lee", Role: "god", Password: password}, `role: must be operator or admin, not "god"`},
		{NewUser{Username: "lee", Role: archive.RoleAdmin, Password: "short"}, "password: is too short"},
		{NewUser{Username: "kim", Role: archive.RoleAdmin, Password: password}, `username: "kim" is taken`},
	} {
		if _, err := r.AddUser(t.Context(), CLI, tc.u); err == nil || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("got %v, want %s", err, tc.want)
		}
	}
}

// deaf is an Auditor whose disk is full.
type deaf struct{}

func (deaf) Record(context.Context, audit.Entry) error {
	return bongsu.Errorf(bongsu.CodeUnavailable, "disk full")
}

func TestNothingHappensUnrecorded(t *testing.T) {
	r := newRig(t)
	r.add(t, "boss", archive.RoleAdmin)
	r.add(t, "kim", archive.RoleOperator)
	token, _, err := r.EdgeToken(t.Context(), CLI, "gate")
	if err != nil {
		t.Fatal(err)
	}
	before := r.actions(t)
	r.Service.audit = deaf{}
	ctx := t.Context()
	for name, f := range map[string]func() error{
		"login":    func() error { _, _, err := r.Login(ctx, "192.0.2.1", "kim", password); return err },
		"wrong":    func() error { _, _, err := r.Login(ctx, "192.0.2.1", "kim", "wrong"); return err },
		"disable":  func() error { return r.DisableUser(ctx, CLI, "kim") },
		"password": func() error { return r.SetPassword(ctx, CLI, "kim", "another one") },
		"token":    func() error { _, err := r.UserToken(ctx, CLI, "kim", "x", 0); return err },
		"edge":     func() error { _, _, err := r.EdgeToken(ctx, CLI, "x"); return err },
		"user": func() error {
			_, err := r.AddUser(ctx, CLI, NewUser{Username: "eve", Role: archive.RoleAdmin, Password: password})
			return err
		},
		"enrol": func() error {
			_, err := r.Enrol(ctx, "192.0.2.1", bongsu.EnrolRequest{Token: token, Name: "gate"})
			return err
		},
	} {
		if err := f(); bongsu.CodeOf(err) != bongsu.CodeUnavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
	r.Service.audit = r.audit
	if users, _ := r.store.ListUsers(ctx); len(users) != 2 || users[1].Disabled {
		t.Errorf("users: %+v", users)
	}
	if edges, _ := r.store.ListEdges(ctx); len(edges) != 1 || !edges[0].Disabled {
		t.Errorf("edges: %+v", edges)
	}
	if tokens, _ := r.store.ListTokens(ctx, ""); len(tokens) != 0 {
		t.Errorf("tokens: %+v", tokens)
	}
	if got := r.actions(t); got != before {
		t.Errorf("records: %s", got)
	}
}

func TestSecretsAreNeitherLoggedNorStored(t *testing.T) {
	r := newRig(t)
	code, err := r.PrepareSetup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, session, err := r.Setup(t.Context(), "192.0.2.1", code, NewUser{Username: "boss", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	r.Login(t.Context(), "192.0.2.1", "boss", "wrong-canary")
	token, err := r.UserToken(t.Context(), CLI, "boss", "script", 0)
	if err != nil {
		t.Fatal(err)
	}
	enrol, _, err := r.EdgeToken(t.Context(), CLI, "gate")
	if err != nil {
		t.Fatal(err)
	}
	e, err := r.Enrol(t.Context(), "192.0.2.1", bongsu.EnrolRequest{Token: enrol, Name: "gate"})
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(r.setup), "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	places := map[string]string{"log": r.log.String()}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		places[f] = string(b)
	}
	for _, secret := range []string{code, password, "wrong-canary", session, token, enrol, e.Credential} {
		for place, content := range places {
			if strings.Contains(content, secret) {
				t.Errorf("%s holds the secret %q", place, secret)
			}
		}
	}
}
