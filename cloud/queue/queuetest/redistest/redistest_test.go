package redistest

import (
	"bufio"
	"net"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ask sends one command in the inline form and gives the first line of the answer.
func ask(t *testing.T, s *Server, command string) string {
	t.Helper()
	c, err := net.Dial("tcp", s.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(command + "\r\n")); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return line[:len(line)-2]
}

func TestLife(t *testing.T) {
	s := Start(t, Options{Fsync: "always"})
	if got := ask(t, s, "SET a 1"); got != "+OK" {
		t.Fatal(got)
	}
	s.Kill()
	if _, err := net.Dial("tcp", s.Address()); err == nil || s.PID() != 0 {
		t.Fatal("it answers after Kill")
	}
	s.Restart()
	if got := ask(t, s, "EXISTS a"); got != ":1" {
		t.Fatalf("after a kill: %s", got)
	}
	s.Stop()
	s.Wipe()
	s.Restart()
	if got := ask(t, s, "EXISTS a"); got != ":0" {
		t.Fatalf("after Wipe: %s", got)
	}
	s.Pause()
	if s.ping() {
		t.Fatal("a paused server answers")
	}
	s.Resume()
	if got := s.Do("SET", "a b", "x\r\ny"); got != "+OK" || s.Do("STRLEN", "a b") != ":4" || s.Do("LPUSH", "a b", "x")[:10] != "-WRONGTYPE" {
		t.Fatal(got)
	}
	if got := ask(t, s, "PING"); got != "+PONG" {
		t.Fatal(got)
	}
}

func TestPassword(t *testing.T) {
	s := Start(t, Options{Password: "of the test"[:2] + "-secret", MaxMemory: "64mb"})
	if got := ask(t, s, "GET a"); got[:7] != "-NOAUTH" {
		t.Fatal(got)
	}
	if got := ask(t, s, "AUTH of-secret"); got != "+OK" {
		t.Fatal(got)
	}
}
