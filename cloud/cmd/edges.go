package cmd

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"bongsu"
	"bongsu/cloud/archive/sqlite"
	"bongsu/cloud/auth"
)

func edgeVerbs() []verb {
	return []verb{
		{
			name: "edge token", args: "NAME", about: "make a one-time token with which an edge enrols within an hour, and print it, once",
			example: "bongsu-cloud edge token gate-1 > enrol-token", run: edgeToken,
		},
		{
			name: "edge list", about: "list all edges, when they were last seen and what they still have to send",
			example: "bongsu-cloud edge list", run: listEdges,
		},
		{
			name: "edge revoke", args: "ID", about: "shut an edge out, at once; its events stay",
			example: "bongsu-cloud edge revoke gate-1-5f0c2a91", run: revokeEdge,
		},
	}
}

func edgeToken(ctx context.Context, c *call, args []string) error {
	name, err := one("edge token", "name", args)
	if err != nil {
		return err
	}
	return c.account(ctx, true, func(a *auth.Service, _ *sqlite.Archive) error {
		token, expires, err := a.EdgeToken(ctx, auth.CLI, name)
		if err == nil {
			fmt.Fprintln(c.stdout, token)
			fmt.Fprintf(c.stderr, "good once, until %s\n", expires.Format(time.RFC3339))
		}
		return err
	})
}

func listEdges(ctx context.Context, c *call, args []string) error {
	if len(args) > 0 {
		return usagef("edge list takes no arguments")
	}
	return c.account(ctx, false, func(_ *auth.Service, st *sqlite.Archive) error {
		edges, err := st.ListEdges(ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tNAME\tSTATE\tENROLLED\tLAST SEEN\tVERSION\tPENDING")
		for _, e := range edges {
			state, seen := "active", "never"
			if e.Disabled {
				state = "revoked"
			}
			if !e.LastSeen.IsZero() {
				seen = e.LastSeen.Format(time.RFC3339)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%d events, %d clips\n", e.ID, e.Name, state, e.Enrolled.Format(time.RFC3339), seen, e.Version, e.Pending.Events, e.Pending.Clips)
		}
		return w.Flush()
	})
}

func revokeEdge(ctx context.Context, c *call, args []string) error {
	id, err := one("edge revoke", "ID", args)
	if err != nil {
		return err
	}
	return c.account(ctx, false, func(a *auth.Service, _ *sqlite.Archive) error {
		err := a.RevokeEdge(ctx, auth.CLI, bongsu.EdgeID(id))
		if err == nil {
			fmt.Fprintf(c.stdout, "%s is shut out\n", id)
		}
		return err
	})
}
