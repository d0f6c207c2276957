package worker

import (
	"context"
	"net"
	"testing"
	"time"

	"bongsu"
	"bongsu/edge/link"
)

// TestNobodyWaitsForANodeThatIsGone: the node dies before it has answered about a clip. Who asked
// is told at once, as is who asks afterwards, so that the worker can end.
func TestNobodyWaitsForANodeThatIsGone(t *testing.T) {
	errs, again := make(chan error, 2), make(chan struct{})
	n := start(t, func(ctx context.Context, r *fakeRunner) {
		open := func() {
			// As a recorder does that still has to finish its files when the worker ends.
			_, err := r.env.OpenClip(context.WithoutCancel(ctx), bongsu.Clip{Event: bongsu.NewEventID(time.Now()), Camera: "yard"})
			errs <- err
		}
		open()
		<-again
		open()
	}, nil)
	n.send(link.Message{Type: link.TypeAssign, Assign: &link.Assignment{Camera: "yard"}})
	n.next(link.TypeClipOpen)
	n.conn.Close()
	for range 2 {
		select {
		case err := <-errs:
			if err == nil {
				t.Error("a clip was opened by a node that is gone")
			}
			select {
			case <-again:
			default:
				close(again)
			}
		case <-time.After(time.Minute):
			t.Fatal("somebody still waits for the node's answer")
		}
	}
	select {
	case err := <-n.done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the worker does not end")
	}
}

// TestMemoryIsGivenBack: again and again while the worker runs, and not after it.
func TestMemoryIsGivenBack(t *testing.T) {
	a, b := net.Pipe()
	given := make(chan struct{})
	w := New(Options{Conn: link.NewConn(b, link.Worker), GiveBackEvery: time.Millisecond, GiveBack: func() { given <- struct{}{} }})
	done := make(chan error, 1)
	go func() { done <- w.Run(t.Context()) }()
	node := link.NewConn(a, link.Node)
	go func() {
		for {
			if _, err := node.Receive(); err != nil {
				return
			}
		}
	}()
	for range 3 {
		select {
		case <-given:
		case <-time.After(time.Minute):
			t.Fatal("nothing is given back")
		}
	}
	node.Close()
	for {
		select {
		case <-given: // it may just have begun
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			return
		case <-time.After(time.Minute):
			t.Fatal("the worker does not end")
		}
	}
}
