// Command bongsu-edge is the edge box: see `bongsu-edge --help`.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"bongsu/edge/cmd"
)

func main() {
	runtime.MemProfileRate = 0 // its tables grow for an hour; the debug port, where one asks for it, begins it
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	m := cmd.Main{Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Env: os.Getenv}
	os.Exit(m.Run(ctx))
}
