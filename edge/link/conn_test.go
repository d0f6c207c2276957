package link

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// childEnv makes the test binary act as a worker that answers over FD.
const childEnv = "BONGSU_LINK_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(child())
	}
	goleak.VerifyTestMain(m)
}

// child says hello and then ends at EOF, as a worker does.
func child() int {
	c, err := FromFD(FD)
	if err != nil {
		return 3
	}
	l := NewConn(c, Worker)
	if _, err := l.Send(Message{Type: TypeHello, PID: os.Getpid(), Program: "child"}); err != nil {
		return 4
	}
	for {
		if _, err := l.Receive(); errors.Is(err, io.EOF) {
			return 0
		} else if err != nil {
			return 5
		}
	}
}

func TestChildProcessOverInheritedSocket(t *testing.T) {
	ours, theirs, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"=1")
	cmd.ExtraFiles = []*os.File{theirs}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	l := NewConn(ours, Node)
	m, err := l.Receive()
	if err != nil || m.Type != TypeHello || m.PID != cmd.Process.Pid {
		t.Fatalf("got %+v, %v", m, err)
	}
	if _, err := l.Send(Message{Type: TypeUnassign, Camera: "a"}); err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("the worker did not end in good order at EOF: %v", err)
	}
}

// pair gives both ends of a connection in this process.
func pair(t *testing.T) (node, worker *Conn) {
	t.Helper()
	ours, theirs, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	c, err := fromFile(theirs)
	if err != nil {
		t.Fatal(err)
	}
	node, worker = NewConn(ours, Node), NewConn(c, Worker)
	t.Cleanup(func() { node.Close(); worker.Close() })
	return node, worker
}

func TestManySendersKeepOrder(t *testing.T) {
	node, worker := pair(t)
	const senders, each = 8, 50
	var wg sync.WaitGroup
	for range senders {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range each {
				if _, err := worker.Send(Message{Type: TypeHello, PID: 1, Program: strings.Repeat("p", 3000)}); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	for range senders * each {
		if _, err := node.Receive(); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	worker.Close()
	if _, err := node.Receive(); !errors.Is(err, io.EOF) {
		t.Errorf("after a close in good order: got %v, want io.EOF", err)
	}
}

func TestSendReturnsTheNumberThatAnswersReferTo(t *testing.T) {
	node, worker := pair(t)
	seq, err := worker.Send(Message{Type: TypeHello, PID: 1})
	if err != nil || seq != 1 {
		t.Fatalf("got %d, %v", seq, err)
	}
	if _, err := worker.Send(Message{Type: TypeEvent}); err == nil {
		t.Fatal("a message that breaks the rules was sent")
	}
	if seq, err = worker.Send(Message{Type: TypeHealth}); err != nil || seq != 2 {
		t.Fatalf("after a refused message: got %d, %v; want 2", seq, err)
	}
	for want := uint64(1); want <= 2; want++ {
		if m, err := node.Receive(); err != nil || m.Seq != want {
			t.Fatalf("got %v, %v", m, err)
		}
	}
	if _, err := node.Send(Message{Type: TypeHello, PID: 1}); err == nil {
		t.Error("a node sent a worker's message")
	}
}

func TestReceiveClosesOnBrokenProtocol(t *testing.T) {
	frame := func(m Message) []byte {
		b, err := Encode(nil, &m)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	hello := Message{V: Version, Type: TypeHello, Seq: 1, PID: 1}
	jump := Message{V: Version, Type: TypeHello, Seq: 3, PID: 1}
	for name, in := range map[string][]byte{
		"a gap in the numbers":    append(frame(hello), frame(jump)...),
		"the same number again":   append(frame(hello), frame(hello)...),
		"a message the wrong way": append(frame(hello), frame(Message{V: Version, Type: TypeAck, Seq: 2, Ref: 1})...),
		"rubbish":                 append(frame(hello), 0, 0, 0, 2, '{', '}'),
	} {
		t.Run(name, func(t *testing.T) {
			a, b := net.Pipe()
			node := NewConn(a, Node)
			wrote := make(chan error, 1)
			go func() {
				_, err := b.Write(in)
				wrote <- err
			}()
			if _, err := node.Receive(); err != nil {
				t.Fatal(err)
			}
			if _, err := node.Receive(); !errors.Is(err, ErrProtocol) {
				t.Errorf("got %v, want ErrProtocol", err)
			}
			<-wrote
			b.SetReadDeadline(time.Now().Add(time.Minute))
			if _, err := b.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Errorf("the connection is still open: %v", err)
			}
			b.Close()
		})
	}
}

func TestFromFDRefusesWhatIsNoSocket(t *testing.T) {
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dup, err := dupFD(f)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := FromFD(dup); err == nil || !strings.Contains(err.Error(), "bongsu-edge run") {
		t.Errorf("got %v", err)
	}
}

// dupFD gives a second descriptor of f that the caller owns.
func dupFD(f *os.File) (uintptr, error) {
	fd, err := syscall.Dup(int(f.Fd()))
	return uintptr(fd), err
}
