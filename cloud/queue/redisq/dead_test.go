package redisq

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"bongsu"
	"bongsu/cloud/queue/queuetest"
	"bongsu/cloud/queue/queuetest/redistest"
)

func add(t *testing.T, q *Queue, values ...string) {
	t.Helper()
	if err := q.client.XAdd(t.Context(), &redis.XAddArgs{Stream: q.keys.stream, Values: values}).Err(); err != nil {
		t.Fatal(err)
	}
}

// TestPoison: an entry that nobody can read is tried five times and then lies where an operator
// sees it, while its neighbours go through as if it were not there; and a consumer that dies
// holding messages (R22).
func TestPoison(t *testing.T) {
	s := redistest.Start(t, redistest.Options{})
	q := open(t, s, func(o *Options) { o.Lease = 300 * time.Millisecond })
	ctx, stop := context.WithCancel(t.Context())
	d := &drain{seen: map[bongsu.EventKey]time.Time{}}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	for range 2 {
		wg.Go(func() { d.run(ctx, q) })
	}
	waits := map[bool][]time.Duration{}
	for i := range 800 { // in turns, for the machine is not always as fast
		poison := i/80%2 == 1
		if poison && i%40 == 0 {
			add(t, q, "k", "no event", "p", "1", "n", "0")
		}
		k, begin := queuetest.Key(i), time.Now()
		publish(t, q, k)
		until(t, "delivery", func() bool { return d.has(k) })
		waits[poison] = append(waits[poison], d.seen[k].Sub(begin)) // nothing else is under way
	}
	until(t, "the dead letters", func() bool { return holds(t, q).Dead == 10 })
	if n := q.Stats().Unreadable; n != 10 {
		t.Errorf("%d counted, want 10", n)
	}
	for _, w := range waits {
		slices.Sort(w)
	}
	without, with := waits[false][len(waits[false])*95/100], waits[true][len(waits[true])*95/100]
	letters, err := q.DeadLetters(t.Context(), 100)
	if err != nil || len(letters) != 10 {
		t.Fatalf("%d letters, %v", len(letters), err)
	}
	l := letters[0]
	if l.Deliveries != 5 || !strings.Contains(l.Reason, `"no event" is no event ID`) || l.At.IsZero() || !strings.Contains(l.Entry, "no event") {
		t.Fatalf("%+v", l)
	}
	worst := dying(t, s)
	t.Logf("figure R22: 10 of 10 unreadable entries among the dead letters after 5 deliveries; neighbours' p95 %v with them, %v without; 50 of 50 messages of a consumer that died redelivered %v after the lease at worst",
		with.Round(10*time.Microsecond), without.Round(10*time.Microsecond), worst.Round(time.Millisecond))
}

// dying lets a consumer end with messages in its hands and gives how long after the lease the last
// of them came to another.
func dying(t *testing.T, s *redistest.Server) time.Duration {
	t.Helper()
	lost := open(t, s, func(o *Options) { o.Stream = "dying"; o.Lease = time.Minute }) // it takes nothing over from itself
	const n = 50
	for i := range n {
		publish(t, lost, queuetest.Key(i))
		receive(t, lost)
	}
	over := time.Now().Add(queuetest.Lease)
	lost.Close()
	q := open(t, s, func(o *Options) { o.Stream = "dying" })
	for range n {
		d := receive(t, q)
		if d.Message().Lapsed != 1 {
			t.Fatalf("%+v", d.Message())
		}
		ack(t, d)
	}
	return max(0, time.Since(over))
}

func TestLetters(t *testing.T) {
	s := redistest.Start(t, redistest.Options{})
	q := open(t, s, func(o *Options) { o.Deliveries = 1; o.Lease = 50 * time.Millisecond })
	publish(t, q, queuetest.Key(1)) // makes the stream
	ack(t, receive(t, q))
	add(t, q, "k", "odd", "colour", "red")
	add(t, q, "k", strings.Repeat("long", 5000))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan struct{})
	go func() { defer close(ended); _, _ = q.Receive(ctx) }()
	until(t, "two letters", func() bool { return holds(t, q).Dead == 2 })
	stop()
	<-ended
	letters, err := q.DeadLetters(t.Context(), 10)
	if err != nil || len(letters) != 2 {
		t.Fatalf("%+v, %v", letters, err)
	}
	long, odd := letters[0], letters[1]
	if err := q.Retry(t.Context(), long.ID); bongsu.CodeOf(err) != bongsu.CodeConflict {
		t.Fatalf("Retry of what was not kept whole: %v", err)
	}
	if err := q.Drop(t.Context(), long.ID); err != nil {
		t.Fatal(err)
	}
	if err := q.Retry(t.Context(), odd.ID); err != nil {
		t.Fatal(err)
	}
	rows, err := q.client.XRange(t.Context(), q.keys.stream, "-", "+").Result()
	if err != nil || len(rows) != 1 || rows[0].Values["k"] != "odd" || rows[0].Values["colour"] != "red" {
		t.Fatalf("put back as %+v, %v", rows, err)
	}
	for _, id := range []string{odd.ID, long.ID, "1-1", "x", "", "-", "+"} {
		if err := q.Retry(t.Context(), id); bongsu.CodeOf(err) != bongsu.CodeNotFound {
			t.Errorf("Retry %q: %v", id, err)
		}
		if err := q.Drop(t.Context(), id); bongsu.CodeOf(err) != bongsu.CodeNotFound {
			t.Errorf("Drop %q: %v", id, err)
		}
	}
}

// TestTidy: names of consumers that ended go; those that hold something, or live, stay.
func TestTidy(t *testing.T) {
	s := redistest.Start(t, redistest.Options{})
	q := open(t, s, func(o *Options) { o.Consumer = "living" })
	if err := q.tidy(t.Context(), 0); err != nil {
		t.Fatalf("without a stream: %v", err)
	}
	for _, name := range []string{"ended", "holding"} {
		old := open(t, s, func(o *Options) { o.Consumer = name; o.Lease = time.Hour })
		publish(t, old, queuetest.Key(len(name)))
		if d := receive(t, old); name == "ended" {
			ack(t, d)
		}
	}
	publish(t, q, queuetest.Key(1))
	ack(t, receive(t, q))
	if err := q.tidy(t.Context(), -time.Millisecond); err != nil { // nobody waits an hour here
		t.Fatal(err)
	}
	left, err := q.client.XInfoConsumers(t.Context(), q.keys.stream, group).Result()
	if err != nil || len(left) != 1 || left[0].Name != "holding" {
		t.Fatalf("%+v, %v", left, err)
	}
}

func TestDecode(t *testing.T) {
	k := queuetest.Key(7)
	good := map[string]any{"k": formatKey(k), "p": "1700000000000000", "n": "3"}
	if m, err := decode(good); err != nil || m.Key != k || m.Deliveries != 3 || m.Published.UnixMicro() != 1700000000000000 {
		t.Fatalf("%+v, %v", m, err)
	}
	for _, c := range []struct {
		field string
		value any
	}{
		{"k", nil}, {"k", ""}, {"k", string(k.ID)}, {"k", string(k.ID) + "."}, {"k", string(k.ID) + ".0"}, {"k", string(k.ID) + ".-1"}, {"k", string(k.ID) + ".01"},
		{"k", string(k.ID) + ".1.2"}, {"k", "x.1"}, {"k", 7}, {"p", nil}, {"p", "yesterday"}, {"p", "1.5"}, {"n", nil}, {"n", "-1"}, {"n", "99999999999"},
	} {
		v := map[string]any{"k": good["k"], "p": good["p"], "n": good["n"], c.field: c.value}
		if m, err := decode(v); err == nil {
			t.Errorf("%v=%v passed as %+v", c.field, c.value, m)
		}
	}
}

func FuzzDecode(f *testing.F) {
	k := formatKey(queuetest.Key(7))
	for _, s := range [][3]string{{k, "1700000000000000", "3"}, {"", "", ""}, {k + "1", "-1", "0"}, {"x.1", "9999999999999999999", "x"}} {
		f.Add(s[0], s[1], s[2])
	}
	f.Fuzz(func(t *testing.T, key, published, n string) {
		m, err := decode(map[string]any{"k": key, "p": published, "n": n})
		if err == nil && (formatKey(m.Key) != key || m.Deliveries < 0) {
			t.Fatalf("%q read as %+v", key, m)
		}
	})
}

// certificates makes an authority and a server's certificate for this machine.
func certificates(t *testing.T) (*redistest.TLS, *x509.CertPool) {
	t.Helper()
	dir := t.TempDir()
	put := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "redis of the test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := put("cert.pem", "CERTIFICATE", der)
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &redistest.TLS{Cert: cert, Key: put("key.pem", "PRIVATE KEY", private), CA: cert}, pool
}
