package archivetest

import (
	"fmt"
	"slices"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
)

var edgeTests = []test{
	{"EnrolOnce", enrolOnce},
	{"EdgeLookups", edgeLookups},
	{"CameraReports", cameraReports},
}

func enrolOnce(s *suite) {
	t := archive.EnrolToken{Hash: "h", Name: "new", By: "admin", Created: T0, Expires: T0.Add(time.Hour)}
	s.ok(s.a.PutEnrolToken(s.Context(), t))
	s.code(s.a.PutEnrolToken(s.Context(), t), bongsu.CodeConflict, "the same token again")
	e := archive.Edge{ID: "e1", Name: "one", CredentialHash: "c1", Enrolled: T0}
	s.code(s.a.Enrol(s.Context(), "unknown", e, T0), bongsu.CodeUnauthorized, "an unknown token")
	s.code(s.a.Enrol(s.Context(), "h", e, T0.Add(time.Hour)), bongsu.CodeUnauthorized, "an expired token")
	s.ok(s.a.Enrol(s.Context(), "h", e, T0.Add(time.Minute)))
	e.ID, e.CredentialHash = "e2", "c2"
	s.code(s.a.Enrol(s.Context(), "h", e, T0.Add(time.Minute)), bongsu.CodeUnauthorized, "a used token")
	_, err := s.a.GetEdge(s.Context(), "e2")
	s.code(err, bongsu.CodeNotFound, "the edge that a used token was for")
	t.Hash = "h2"
	s.ok(s.a.PutEnrolToken(s.Context(), t))
	e.CredentialHash = "c1"
	s.code(s.a.Enrol(s.Context(), "h2", e, T0), bongsu.CodeConflict, "a credential that is there")
	e.CredentialHash = "c2"
	s.ok(s.a.Enrol(s.Context(), "h2", e, T0)) // the failed try did not use the token up
}

func edgeLookups(s *suite) {
	e, err := s.a.EdgeByCredential(s.Context(), "credential-a")
	s.ok(err)
	if e.ID != EdgeA || e.Name != "a" || !e.Enrolled.Equal(T0) || e.Disabled || !e.LastSeen.IsZero() {
		s.Fatalf("edge %+v", e)
	}
	_, err = s.a.EdgeByCredential(s.Context(), "")
	s.code(err, bongsu.CodeNotFound, "no credential")
	s.ok(s.a.SetEdgeDisabled(s.Context(), EdgeA, true))
	s.code(s.a.SetEdgeDisabled(s.Context(), "nobody", true), bongsu.CodeNotFound, "SetEdgeDisabled")
	e, err = s.a.EdgeByCredential(s.Context(), "credential-a")
	s.ok(err)
	if !e.Disabled {
		s.Fatal("not disabled")
	}
	all, err := s.a.ListEdges(s.Context())
	s.ok(err)
	if len(all) != 2 || all[0].ID != EdgeA || all[1].ID != EdgeB {
		s.Fatalf("edges %+v", all)
	}
}

func cameraReports(s *suite) {
	report := func(at time.Duration, cams ...bongsu.CameraStatus) {
		s.Helper()
		s.ok(s.a.ReportCameras(s.Context(), EdgeA, T0.Add(at), bongsu.CamerasRequest{
			Version: "1.0", At: T0.Add(at), Cameras: cams, Pending: bongsu.Backlog{Events: 3, ClipBytes: 9},
		}))
	}
	still := T0.Add(-time.Second)
	cam := bongsu.CameraStatus{ID: "c1", Name: "정문", State: bongsu.CameraLive, Since: T0, FPS: 15, Still: []byte("one"), StillAt: still}
	report(0, cam, bongsu.CameraStatus{ID: "c2", State: bongsu.CameraOffline})
	cam.State, cam.Still, cam.StillAt = bongsu.CameraOffline, nil, time.Time{}
	report(time.Second, cam)
	s.reopen()
	cams, err := s.a.ListCameras(s.Context())
	s.ok(err)
	if len(cams) != 1 || cams[0].Edge != EdgeA || cams[0].ID != "c1" || cams[0].State != bongsu.CameraOffline || cams[0].Name != "정문" ||
		!cams[0].HasStill || !cams[0].StillAt.Equal(still) || cams[0].Still != nil || !cams[0].Reported.Equal(T0.Add(time.Second)) {
		s.Fatalf("cameras %+v", cams)
	}
	b, at, err := s.a.CameraStill(s.Context(), EdgeA, "c1")
	s.ok(err)
	if string(b) != "one" || !at.Equal(still) {
		s.Fatalf("still %q of %v", b, at)
	}
	_, _, err = s.a.CameraStill(s.Context(), EdgeA, "c2")
	s.code(err, bongsu.CodeNotFound, "still of a camera that is gone")
	e, err := s.a.GetEdge(s.Context(), EdgeA)
	s.ok(err)
	if e.Version != "1.0" || e.Pending.Events != 3 || e.Pending.ClipBytes != 9 || !e.LastSeen.Equal(T0.Add(time.Second)) {
		s.Fatalf("edge %+v", e)
	}
	report(2 * time.Second)
	if cams, err = s.a.ListCameras(s.Context()); err != nil || len(cams) != 0 {
		s.Fatalf("cameras after an empty report: %+v, %v", cams, err)
	}
	s.code(s.a.ReportCameras(s.Context(), "nobody", T0, bongsu.CamerasRequest{}), bongsu.CodeUnauthorized, "report of an unknown edge")
}

var userTests = []test{
	{"UsersAndSessions", usersAndSessions},
	{"Tokens", tokens},
	{"Audit", audit},
	{"Meta", meta},
}

func usersAndSessions(s *suite) {
	u := archive.User{Username: "kim", Name: "김", Role: archive.RoleAdmin, PasswordHash: "$argon2id$...", Created: T0}
	s.ok(s.a.CreateFirstUser(s.Context(), u))
	lee := archive.User{Username: "lee", Name: "이", Role: archive.RoleOperator, PasswordHash: "x", Created: T0}
	s.code(s.a.CreateFirstUser(s.Context(), lee), bongsu.CodeConflict, "a second first user")
	s.ok(s.a.CreateUser(s.Context(), lee))
	s.code(s.a.CreateUser(s.Context(), u), bongsu.CodeConflict, "a username that is taken")
	got, err := s.a.GetUser(s.Context(), "kim")
	s.ok(err)
	if got != u {
		s.Fatalf("user %+v", got)
	}
	_, err = s.a.GetUser(s.Context(), "park")
	s.code(err, bongsu.CodeNotFound, "GetUser")
	login := func(hash string) {
		s.Helper()
		s.ok(s.a.PutSession(s.Context(), archive.Session{Hash: hash, Username: "kim", Created: T0, Expires: T0.Add(time.Hour)}))
	}
	there := func(hash string, at time.Time, want bongsu.Code) {
		s.Helper()
		sess, user, err := s.a.SessionUser(s.Context(), hash, at)
		s.code(err, want, "SessionUser")
		if err == nil && (user.Username != "kim" || sess.Hash != hash || !sess.Expires.Equal(T0.Add(time.Hour))) {
			s.Fatalf("session %+v of %+v", sess, user)
		}
	}
	login("s1")
	there("s1", T0, "")
	there("s1", T0.Add(time.Hour), bongsu.CodeNotFound)
	there("s2", T0, bongsu.CodeNotFound)
	s.ok(s.a.ExtendSession(s.Context(), "s1", T0.Add(2*time.Hour)))
	if sess, _, err := s.a.SessionUser(s.Context(), "s1", T0.Add(90*time.Minute)); err != nil || !sess.Expires.Equal(T0.Add(2*time.Hour)) {
		s.Fatalf("an extended session: %+v, %v", sess, err)
	}
	s.ok(s.a.ExtendSession(s.Context(), "s1", T0.Add(time.Hour)))
	s.code(s.a.ExtendSession(s.Context(), "s2", T0), bongsu.CodeNotFound, "ExtendSession")
	s.ok(s.a.DeleteSession(s.Context(), "s1"))
	s.ok(s.a.DeleteSession(s.Context(), "s1"))
	there("s1", T0, bongsu.CodeNotFound)
	login("s3")
	s.ok(s.a.SetPassword(s.Context(), "kim", "new"))
	there("s3", T0, bongsu.CodeNotFound)
	login("s4")
	s.ok(s.a.SetUserDisabled(s.Context(), "kim", true))
	there("s4", T0, bongsu.CodeNotFound)
	err = s.a.PutSession(s.Context(), archive.Session{Hash: "s5", Username: "kim", Expires: T0.Add(time.Hour)})
	s.code(err, bongsu.CodeNotFound, "a session for a disabled user")
	s.ok(s.a.SetUserDisabled(s.Context(), "kim", false))
	there("s4", T0, bongsu.CodeNotFound)
	s.code(s.a.SetUserDisabled(s.Context(), "park", true), bongsu.CodeNotFound, "SetUserDisabled")
	s.code(s.a.SetPassword(s.Context(), "park", "x"), bongsu.CodeNotFound, "SetPassword")
	all, err := s.a.ListUsers(s.Context())
	s.ok(err)
	if len(all) != 2 || all[0].Username != "kim" || all[0].PasswordHash != "new" {
		s.Fatalf("users %+v", all)
	}
}

func tokens(s *suite) {
	s.ok(s.a.CreateUser(s.Context(), archive.User{Username: "kim", Role: archive.RoleOperator, Created: T0}))
	k := archive.APIToken{Hash: "t1", Username: "kim", Name: "report", Created: T0}
	s.ok(s.a.PutToken(s.Context(), k))
	s.code(s.a.PutToken(s.Context(), k), bongsu.CodeConflict, "the same token again")
	s.ok(s.a.PutToken(s.Context(), archive.APIToken{Hash: "t2", Username: "kim", Created: T0.Add(1), Expires: T0.Add(time.Hour)}))
	s.code(s.a.PutToken(s.Context(), archive.APIToken{Hash: "t3", Username: "park"}), bongsu.CodeNotFound, "a token for nobody")
	got, u, err := s.a.TokenUser(s.Context(), "t1", T0.Add(1000*time.Hour))
	s.ok(err)
	if got != k || u.Username != "kim" {
		s.Fatalf("token %+v of %+v", got, u)
	}
	_, _, err = s.a.TokenUser(s.Context(), "t2", T0.Add(time.Hour))
	s.code(err, bongsu.CodeNotFound, "an expired token")
	for user, want := range map[string]int{"": 2, "kim": 2, "park": 0} {
		list, err := s.a.ListTokens(s.Context(), user)
		s.ok(err)
		if len(list) != want {
			s.Fatalf("tokens of %q: %+v", user, list)
		}
	}
	s.ok(s.a.DeleteToken(s.Context(), "t1"))
	s.code(s.a.DeleteToken(s.Context(), "t1"), bongsu.CodeNotFound, "DeleteToken again")
	s.ok(s.a.SetUserDisabled(s.Context(), "kim", true))
	_, _, err = s.a.TokenUser(s.Context(), "t2", T0)
	s.code(err, bongsu.CodeNotFound, "a disabled user's token")
}

func audit(s *suite) {
	seal := func(r archive.AuditRecord) string { return fmt.Sprintf("%d<%s>%s", r.Seq, r.Prev, r.Action) }
	for i := range 5 {
		r, err := s.a.AppendAudit(s.Context(), archive.AuditRecord{At: T0.Add(time.Duration(i) * time.Second), Actor: "kim", Client: "::1",
			Action: fmt.Sprint("a", i), Target: "event/1", Detail: "d", Prev: "forged", Hash: "forged", Seq: 99}, seal)
		s.ok(err)
		if r.Seq != int64(i+1) {
			s.Fatalf("record %d has number %d", i+1, r.Seq)
		}
	}
	s.reopen()
	all, err := s.a.ListAudit(s.Context(), archive.AuditQuery{Limit: 100})
	s.ok(err)
	prev := ""
	for i, r := range all {
		if r.Seq != int64(i+1) || r.Prev != prev || r.Hash != seal(r) || !r.At.Equal(T0.Add(time.Duration(i)*time.Second)) || r.Target != "event/1" || r.Detail != "d" {
			s.Fatalf("record %+v", r)
		}
		prev = r.Hash
	}
	for _, c := range []struct {
		q    archive.AuditQuery
		want []int64
	}{
		{archive.AuditQuery{Limit: 2, After: 1}, []int64{2, 3}},
		{archive.AuditQuery{Limit: 2, Newest: true}, []int64{5, 4}},
		{archive.AuditQuery{Limit: 2, Newest: true, Before: 4}, []int64{3, 2}},
		{archive.AuditQuery{Limit: 9, After: 1, Before: 3}, []int64{2}},
	} {
		page, err := s.a.ListAudit(s.Context(), c.q)
		s.ok(err)
		var got []int64
		for _, r := range page {
			got = append(got, r.Seq)
		}
		if !slices.Equal(got, c.want) {
			s.Errorf("%+v: %v, want %v", c.q, got, c.want)
		}
	}
}

func meta(s *suite) {
	_, err := s.a.GetMeta(s.Context(), "setup")
	s.code(err, bongsu.CodeNotFound, "GetMeta")
	for _, v := range []string{"one", "two"} {
		s.ok(s.a.SetMeta(s.Context(), "setup", v))
		got, err := s.a.GetMeta(s.Context(), "setup")
		s.ok(err)
		if got != v {
			s.Fatalf("meta %q, want %q", got, v)
		}
	}
	for range 2 {
		s.ok(s.a.DeleteMeta(s.Context(), "setup"))
	}
	_, err = s.a.GetMeta(s.Context(), "setup")
	s.code(err, bongsu.CodeNotFound, "GetMeta after DeleteMeta")
}
