package console

import (
	"net/http"
	"strconv"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/auth"
)

// ok is the answer where there is nothing to say.
func ok(w http.ResponseWriter) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (c *Console) setCookie(w http.ResponseWriter, secret string) {
	cookie := &http.Cookie{
		Name: auth.CookieName, Value: secret, Path: "/",
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: c.secure,
	}
	if secret == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(w, cookie)
}

func (c *Console) getSetup(w http.ResponseWriter, r *http.Request) error {
	needed, err := c.auth.SetupNeeded(r.Context())
	if err != nil {
		return err
	}
	return writeJSON(w, map[string]bool{"needed": needed})
}

func (c *Console) postSetup(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Code     string `json:"code"`
		Username string `json:"username"`
		Name     string `json:"name"`
		Password string `json:"password"`
	}
	if err := readBody(w, r, &in); err != nil {
		return err
	}
	client := auth.From(r.Context()).Client()
	_, secret, err := c.auth.Setup(r.Context(), client, in.Code, auth.NewUser{Username: in.Username, Name: in.Name, Password: in.Password})
	if err != nil {
		return err
	}
	c.setCookie(w, secret)
	return ok(w)
}

func (c *Console) postLogin(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Username string `json:"username"`
		Password string `json:"password"`
	}
	if err := readBody(w, r, &in); err != nil {
		return err
	}
	u, secret, err := c.auth.Login(r.Context(), auth.From(r.Context()).Client(), in.Username, in.Password)
	if err != nil {
		return err
	}
	c.setCookie(w, secret)
	return writeJSON(w, map[string]UserView{"user": userView(u)})
}

func (c *Console) postLogout(w http.ResponseWriter, r *http.Request) error {
	if err := c.auth.Logout(r.Context(), auth.From(r.Context())); err != nil {
		return err
	}
	c.setCookie(w, "")
	return ok(w)
}

func (c *Console) getMe(w http.ResponseWriter, r *http.Request) error {
	return writeJSON(w, struct {
		User    UserView `json:"user"`
		Version string   `json:"version"`
	}{userView(auth.From(r.Context()).User), c.version})
}

type usersAnswer struct {
	Users []AccountView `json:"users"`
}

func (c *Console) getUsers(w http.ResponseWriter, r *http.Request) error {
	users, err := c.archive.ListUsers(r.Context())
	if err != nil {
		return err
	}
	out := usersAnswer{make([]AccountView, len(users))}
	for i, u := range users {
		out.Users[i] = AccountView{userView(u), u.Created, u.Disabled}
	}
	return writeJSON(w, out)
}

func (c *Console) postUser(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Username string       `json:"username"`
		Name     string       `json:"name"`
		Role     archive.Role `json:"role"`
		Password string       `json:"password"`
	}
	if err := readBody(w, r, &in); err != nil {
		return err
	}
	u, err := c.auth.AddUser(r.Context(), auth.From(r.Context()).Actor(),
		auth.NewUser{Username: in.Username, Name: in.Name, Role: in.Role, Password: in.Password})
	if err != nil {
		return err
	}
	return writeJSON(w, AccountView{userView(u), u.Created, u.Disabled})
}

func (c *Console) postUserDisable(w http.ResponseWriter, r *http.Request) error {
	if err := c.auth.DisableUser(r.Context(), auth.From(r.Context()).Actor(), r.PathValue("username")); err != nil {
		return err
	}
	return ok(w)
}

type edgesAnswer struct {
	Edges []EdgeView `json:"edges"`
}

func (c *Console) getEdges(w http.ResponseWriter, r *http.Request) error {
	edges, err := c.archive.ListEdges(r.Context())
	if err != nil {
		return err
	}
	out := edgesAnswer{make([]EdgeView, len(edges))}
	for i, e := range edges {
		out.Edges[i] = EdgeView{
			ID: e.ID, Name: e.Name, Enrolled: e.Enrolled, LastSeen: e.LastSeen, Disabled: e.Disabled,
			Online:  !e.Disabled && !e.LastSeen.IsZero() && c.now().Sub(e.LastSeen) <= EdgeSilentAfter,
			Version: e.Version, Pending: e.Pending,
		}
	}
	return writeJSON(w, out)
}

func (c *Console) postEdgeToken(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Name string `json:"name"`
	}
	if err := readBody(w, r, &in); err != nil {
		return err
	}
	token, expires, err := c.auth.EdgeToken(r.Context(), auth.From(r.Context()).Actor(), in.Name)
	if err != nil {
		return err
	}
	return writeJSON(w, struct {
		Token   string    `json:"token"`
		Expires time.Time `json:"expires"`
	}{token, expires})
}

func (c *Console) postEdgeRevoke(w http.ResponseWriter, r *http.Request) error {
	if err := c.auth.RevokeEdge(r.Context(), auth.From(r.Context()).Actor(), bongsu.EdgeID(r.PathValue("edge"))); err != nil {
		return err
	}
	return ok(w)
}

func (c *Console) postEnrol(w http.ResponseWriter, r *http.Request) error {
	var in bongsu.EnrolRequest
	if err := readBody(w, r, &in); err != nil {
		return err
	}
	out, err := c.auth.Enrol(r.Context(), auth.From(r.Context()).Client(), in)
	if err != nil {
		return err
	}
	return writeJSON(w, out)
}

type auditAnswer struct {
	Records []archive.AuditRecord `json:"records"`
	Next    string                `json:"next,omitempty"` // absent after the last page
}

// getAudit lists records, newest first; after is the value of next from the page before.
func (c *Console) getAudit(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r, "after", "limit")
	before, limit := q.atLeast("after", 2, 0), int(q.number("limit", 1, archive.MaxPage, 100))
	if q.err != nil {
		return q.err
	}
	rows, err := c.archive.ListAudit(r.Context(), archive.AuditQuery{Before: before, Newest: true, Limit: limit})
	if err != nil {
		return err
	}
	out := auditAnswer{Records: rows}
	if rows == nil {
		out.Records = []archive.AuditRecord{}
	} else if last := rows[len(rows)-1].Seq; last > 1 {
		out.Next = strconv.FormatInt(last, 10)
	}
	return writeJSON(w, out)
}
