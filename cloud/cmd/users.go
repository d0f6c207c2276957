package cmd

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/archive/sqlite"
	"bongsu/cloud/audit"
	"bongsu/cloud/auth"
	"bongsu/cloud/config"
)

// account runs f with the accounts of the data folder. It works while serve runs on it.
func (c *call) account(ctx context.Context, fresh bool, f func(a *auth.Service, st *sqlite.Archive) error) error {
	return c.with(ctx, fresh, func(cfg config.Config, st *sqlite.Archive, log *slog.Logger) error {
		return f(c.accounts(cfg, st, audit.New(audit.Options{Store: st, Now: c.now, Log: log}), log), st)
	})
}

// one takes the one argument of a verb.
func one(name, what string, args []string) (string, error) {
	if len(args) != 1 {
		return "", usagef("%s takes one %s: see `bongsu-cloud %s --help`", name, what, name)
	}
	return args[0], nil
}

func userVerbs() []verb {
	var role, name string
	var days int
	return []verb{
		{
			name: "user add", args: "USERNAME", about: "add a user; the password comes from the prompt or the first line of standard input",
			example: "pass show bongsu/kim | bongsu-cloud user add --role operator --name '김봉수' kim",
			flags: func(_ *call, fs *flag.FlagSet) {
				fs.StringVar(&role, "role", string(archive.RoleOperator), "operator or admin")
				fs.StringVar(&name, "name", "", "the `name` that others see; else the username")
			},
			run: func(ctx context.Context, c *call, args []string) error { return addUser(ctx, c, args, role, name) },
		},
		{
			name: "user list", about: "list all users and their tokens",
			example: "bongsu-cloud user list", run: listUsers,
		},
		{
			name: "user token", args: "USERNAME", about: "make a bearer token with which scripts act as the user, and print it, once",
			example: "bongsu-cloud user token --name nightly-report --days 90 kim > token",
			flags: func(_ *call, fs *flag.FlagSet) {
				fs.StringVar(&name, "name", "script", "what the token is for, shown in records")
				fs.IntVar(&days, "days", 0, "how many `days` it is good for; 0: until the user is disabled")
			},
			run: func(ctx context.Context, c *call, args []string) error { return userToken(ctx, c, args, name, days) },
		},
		{
			name: "user passwd", args: "USERNAME", about: "set a user's password, from the prompt or standard input; logins end",
			example: "bongsu-cloud user passwd kim", run: setPassword,
		},
		{
			name: "user disable", args: "USERNAME", about: "shut a user out, at once; logins and tokens end",
			example: "bongsu-cloud user disable kim", run: disableUser,
		},
	}
}

func addUser(ctx context.Context, c *call, args []string, role, name string) error {
	username, err := one("user add", "username", args)
	if err != nil {
		return err
	}
	return c.account(ctx, true, func(a *auth.Service, _ *sqlite.Archive) error {
		password, err := c.password()
		if err != nil {
			return err
		}
		u, err := a.AddUser(ctx, auth.CLI, auth.NewUser{Username: username, Name: name, Role: archive.Role(role), Password: password})
		if err == nil {
			fmt.Fprintf(c.stdout, "added %s (%s, %s)\n", u.Username, u.Name, u.Role)
		}
		return err
	})
}

func setPassword(ctx context.Context, c *call, args []string) error {
	username, err := one("user passwd", "username", args)
	if err != nil {
		return err
	}
	return c.account(ctx, false, func(a *auth.Service, _ *sqlite.Archive) error {
		password, err := c.password()
		if err != nil {
			return err
		}
		if err = a.SetPassword(ctx, auth.CLI, username, password); err == nil {
			fmt.Fprintf(c.stdout, "the password of %s is set; their logins have ended\n", username)
		}
		return err
	})
}

func disableUser(ctx context.Context, c *call, args []string) error {
	username, err := one("user disable", "username", args)
	if err != nil {
		return err
	}
	return c.account(ctx, false, func(a *auth.Service, _ *sqlite.Archive) error {
		err := a.DisableUser(ctx, auth.CLI, username)
		if err == nil {
			fmt.Fprintf(c.stdout, "%s is shut out; their logins and tokens have ended\n", username)
		}
		return err
	})
}

func userToken(ctx context.Context, c *call, args []string, name string, days int) error {
	username, err := one("user token", "username", args)
	if err != nil {
		return err
	}
	if days < 0 {
		return usagef("--days must be 0 or more")
	}
	return c.account(ctx, false, func(a *auth.Service, _ *sqlite.Archive) error {
		token, err := a.UserToken(ctx, auth.CLI, username, name, time.Duration(days)*24*time.Hour)
		if err == nil {
			fmt.Fprintln(c.stdout, token)
		}
		return err
	})
}

func listUsers(ctx context.Context, c *call, args []string) error {
	if len(args) > 0 {
		return usagef("user list takes no arguments")
	}
	return c.account(ctx, false, func(_ *auth.Service, st *sqlite.Archive) error {
		users, err := st.ListUsers(ctx)
		if err != nil {
			return err
		}
		tokens, err := st.ListTokens(ctx, "")
		if err != nil {
			return err
		}
		names := map[string][]string{}
		for _, t := range tokens {
			if t.Expires.IsZero() || t.Expires.After(c.now()) {
				names[t.Username] = append(names[t.Username], t.Name)
			}
		}
		w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "USERNAME\tNAME\tROLE\tSTATE\tCREATED\tTOKENS")
		for _, u := range users {
			state := "active"
			if u.Disabled {
				state = "disabled"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", u.Username, u.Name, u.Role, state, u.Created.Format(time.RFC3339), strings.Join(names[u.Username], ", "))
		}
		return w.Flush()
	})
}

// password reads a password: from the terminal, twice and unseen, else the first line of
// standard input. It is never an argument, for anybody on the machine could read it there.
func (c *call) password() (string, error) {
	if f, ok := c.stdin.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return c.ask(f)
	}
	line, err := bufio.NewReader(io.LimitReader(c.stdin, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", bongsu.Wrap(bongsu.CodeUnavailable, err, "the password cannot be read from standard input")
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", usagef("give the password as the first line of standard input, or run this at a terminal")
	}
	return line, nil
}

func (c *call) ask(f *os.File) (string, error) {
	var given [2]string
	for i, prompt := range []string{"password: ", "once more: "} {
		fmt.Fprint(c.stderr, prompt)
		b, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(c.stderr)
		if err != nil {
			return "", bongsu.Wrap(bongsu.CodeUnavailable, err, "the password cannot be read from the terminal")
		}
		given[i] = string(b)
	}
	if given[0] != given[1] {
		return "", bongsu.Errorf(bongsu.CodeInvalid, "the two passwords differ: try again")
	}
	return given[0], nil
}
