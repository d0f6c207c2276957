// Command bongsu-cloud is the cloud of Bongsu: it takes events and clips from edges, and shows
// them to operators. `bongsu-cloud help` lists its verbs.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"bongsu/cloud/cmd"
)

func main() {
	runtime.MemProfileRate = 0 // its tables grow for an hour; the debug port, where one asks for it, begins it
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	var m cmd.Main
	os.Exit(m.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv))
}
