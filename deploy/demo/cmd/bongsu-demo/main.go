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

Starts cameras, an edge and a cloud from the programs beside this one, prints the address and
a login made for this run, and stops all of it at Ctrl-C. It is led by the environment:

  ADDR=127.0.0.1:8080   where the console listens
  DEMO_DIR=demo-data    data of this run, logs and demo.json
  BONGSU_DATA=DIR       folder with models/ and videos/ to show
  MODEL=FILE.onnx       another model (its manifest beside it, or one that is known)
  VIDEOS="a.mp4 b.mp4"  other videos, served as cameras in a loop
  CAMERA=rtsp://...     one more camera, a real one (CAMERA_USER, CAMERA_PASSWORD_FILE)

Exit codes: 0 stopped, 1 failed, 2 wrong words.

example:
  BONGSU_DATA=../shared/data make demo
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
		Data: os.Getenv("BONGSU_DATA"), Model: os.Getenv("MODEL"), Videos: strings.Fields(os.Getenv("VIDEOS")),
		Camera: os.Getenv("CAMERA"), CameraUser: os.Getenv("CAMERA_USER"), CameraPasswordFile: os.Getenv("CAMERA_PASSWORD_FILE"),
		Out: os.Stdout,
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
