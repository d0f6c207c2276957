// Command bongsu-demo runs the whole product on one machine: cameras over RTSP, an edge with
// its workers, a cloud with its console. `make demo` builds what it needs and calls it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"bongsu/deploy/demo"
)

const help = `usage: bongsu-demo

Starts simulated cameras, an edge and a cloud from the programs beside this one, prints the address and
a login made for this run, and stops all of it at Ctrl-C. It is led by the environment:

  MODEL=NAME|FILE.onnx  another model than bongsu-nano: a public one, whose licence is shown and asked
                        about (ACCEPT_LICENCE=1 answers), or a file with its manifest beside it
  CAMERA=rtsp://...     a real camera besides (CAMERA_USER, CAMERA_PASSWORD_FILE)
  VIDEOS="a.mp4 b.mp4"  videos, in a loop, instead of the simulated cameras
  ADDR=127.0.0.1:8080   where the console listens
  DEMO_DIR=demo-data    data of this run, logs and demo.json
  DEMO_CACHE=DIR        folder of the cameras' films (default: bongsu/scenes in the user's cache folder)

Exit codes: 0 stopped, 1 failed, 2 wrong words.

example:
  make demo CAMERA=rtsp://192.0.2.10/stream1 MODEL=yolox-nano
`

func main() {
	if len(os.Args) > 1 {
		if os.Args[1] == "--help" || os.Args[1] == "-h" {
			fmt.Print(help)
			return
		}
		fmt.Fprint(os.Stderr, help)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	self, err := os.Executable()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bongsu-demo:", err)
		os.Exit(1)
	}
	o := demo.Options{
		Bin: filepath.Dir(self), Dir: env("DEMO_DIR", "demo-data"), Addr: env("ADDR", "127.0.0.1:8080"),
		Cache: os.Getenv("DEMO_CACHE"), Model: os.Getenv("MODEL"), AcceptLicence: os.Getenv("ACCEPT_LICENCE") == "1", Videos: strings.Fields(os.Getenv("VIDEOS")),
		Camera: os.Getenv("CAMERA"), CameraUser: os.Getenv("CAMERA_USER"), CameraPasswordFile: os.Getenv("CAMERA_PASSWORD_FILE"),
		In: os.Stdin, Out: os.Stdout,
	}
	if err := demo.Run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bongsu-demo:", err)
		os.Exit(1)
	}
}

func env(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}
