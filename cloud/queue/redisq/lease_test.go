package redisq

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"bongsu/cloud/queue/queuetest"
	"bongsu/cloud/queue/queuetest/redistest"
)

// holderAddress is the server of a child process that holds a message until it is killed.
const holderAddress = "BONGSU_TEST_HOLDER_ADDRESS"

// hold is the child: it takes a message, renews its lease for as long as it lives, and says so.
func hold(address string) {
	q := New(Options{Address: address, Lease: queuetest.Lease})
	d, err := q.Receive(context.Background())
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("held")
	for tick := time.NewTicker(d.Lease() / 3); ; <-tick.C {
		if ok, err := d.Renew(context.Background()); err != nil || !ok {
			fmt.Println("lost", ok, err)
			os.Exit(1)
		}
		fmt.Println("renewed")
	}
}

// TestKilledHolder: a process that works slowly on a message keeps it for as long as it lives, and
// when it is killed another has the message about a lease later (R22).
func TestKilledHolder(t *testing.T) {
	s := redistest.Start(t, redistest.Options{})
	q := open(t, s, nil)
	publish(t, q, queuetest.Key(1))
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), holderAddress+"="+s.Address())
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = child.Process.Kill(); _ = child.Wait() }()
	lines := bufio.NewScanner(out)
	line := func(want string) {
		t.Helper()
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("the holder says %q, want %q", lines.Text(), want)
		}
	}
	line("held")

	type got struct {
		deliveries, lapsed int
		at                 time.Time
	}
	other := make(chan got, 1)
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	go func() {
		defer close(other)
		if d, err := q.Receive(ctx); err == nil {
			other <- got{d.Message().Deliveries, d.Message().Lapsed, time.Now()}
			_ = d.Ack(ctx)
		}
	}()
	for range 12 { // four leases
		line("renewed")
	}
	select {
	case g := <-other:
		t.Fatalf("another had it while its holder lived: %+v", g)
	default:
	}
	killed := time.Now()
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	g, ok := <-other
	if !ok || g.deliveries != 2 || g.lapsed != 1 {
		t.Fatalf("after the holder was killed: %+v, %v", g, ok)
	}
	if g.at.Before(killed.Add(queuetest.Lease / 4)) {
		t.Errorf("another had it %v after the kill, before the lease was over", g.at.Sub(killed))
	}
	t.Logf("figure R22: killed after 12 renewals of a lease of %v; another had the message %v after the kill",
		queuetest.Lease, g.at.Sub(killed).Round(time.Millisecond))
}
