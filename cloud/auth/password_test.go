package auth

import (
	"context"
	"strings"
	"testing"

	"bongsu"
)

// cheap are costs for tests that are about something else.
var cheap = Params{MemoryKiB: 64, Passes: 1, Lanes: 1}

func TestRecommendedParams(t *testing.T) {
	if p := RecommendedParams(); p != (Params{MemoryKiB: 65536, Passes: 3, Lanes: 4}) {
		t.Errorf("%+v is not the second recommended option of RFC 9106", p)
	}
	h := NewHasher(Params{}, 0)
	hash, err := h.Hash(t.Context(), "correct horse battery")
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=65536,t=3,p=4$") {
		t.Fatalf("%q, %v", hash, err)
	}
	if ok, err := h.Check(t.Context(), "correct horse battery", hash); !ok || err != nil {
		t.Errorf("the right password: %t, %v", ok, err)
	}
}

// The hash of the reference implementation's own test (phc-winner-argon2, test.c).
func TestReferenceVector(t *testing.T) {
	const phc = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	h := NewHasher(cheap, 1)
	if ok, err := h.Check(t.Context(), "password", phc); !ok || err != nil {
		t.Errorf("%t, %v", ok, err)
	}
	if ok, _ := h.Check(t.Context(), "passwore", phc); ok {
		t.Error("a wrong password passed")
	}
}

func TestHashesDiffer(t *testing.T) {
	h := NewHasher(cheap, 1)
	a, _ := h.Hash(t.Context(), "one and the same")
	b, _ := h.Hash(t.Context(), "one and the same")
	if a == b {
		t.Error("two hashes of one password are equal: the salt is missing")
	}
}

// An unknown user costs what a known one does: the hash that stands in has the same costs.
func TestUnknownUserCostsTheSame(t *testing.T) {
	p := Params{MemoryKiB: 128, Passes: 2, Lanes: 3}
	h := NewHasher(p, 1)
	if ok, err := h.Check(t.Context(), "", ""); ok || err != nil {
		t.Fatalf("%t, %v", ok, err)
	}
	got, salt, key, err := decode(h.dummy)
	if err != nil || got != p || len(salt) != saltBytes || len(key) != keyBytes {
		t.Errorf("the stand-in has %+v, salt %d, key %d (%v)", got, len(salt), len(key), err)
	}
}

func TestDamagedHashes(t *testing.T) {
	h := NewHasher(cheap, 1)
	for _, hash := range []string{
		"x", "$", "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8",
		"$argon2id$v=18$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8",
		"$argon2id$v=19$m=64,t=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8",
		"$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8",
		"$argon2id$v=19$m=64,t=999999,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8",
		"$argon2id$v=19$m=64,t=0,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8",
		"$argon2id$v=19$m=64,t=1,p=0$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8",
		"$argon2id$v=19$m=64,t=1,p=1$!!$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8",
		"$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAA",
		"$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$",
	} {
		if ok, err := h.Check(t.Context(), "password", hash); ok || bongsu.CodeOf(err) != bongsu.CodeInternal || strings.Contains(err.Error(), "c29t") {
			t.Errorf("%s: %t, %v", hash, ok, err)
		}
	}
}

func TestHasherWaitsForASlot(t *testing.T) {
	h := NewHasher(cheap, 1)
	h.slots <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Hash(ctx, "x"); bongsu.CodeOf(err) != bongsu.CodeUnavailable {
		t.Errorf("hash: %v", err)
	}
	if _, err := h.Check(ctx, "x", ""); bongsu.CodeOf(err) != bongsu.CodeUnavailable {
		t.Errorf("check: %v", err)
	}
}

func TestCheckNewPassword(t *testing.T) {
	for _, tc := range []struct{ password, want string }{
		{"봉수대에 불을 올려라", ""},
		{"long enough", ""},
		{"short", "password: is too short: use at least 10 characters"},
		{"짧은비밀번호", "password: is too short: use at least 10 characters"},
		{strings.Repeat("ab", 200), "password: is too long: use at most 256 bytes"},
		{"my-Kim-password", "password: holds the username: choose another"},
		{"aaaaaaaaaaaa", "password: is one character over and over: choose another"},
		{"abc\xff\xfe567890", "password: is not UTF-8 text"},
	} {
		got := ""
		if err := CheckNewPassword("kim", tc.password); err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%q: %q, want %q", tc.password, got, tc.want)
		}
	}
}

func FuzzDecodeHash(f *testing.F) {
	f.Add("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Add("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$")
	f.Add("$$$$$")
	f.Fuzz(func(t *testing.T, hash string) {
		p, salt, key, err := decode(hash)
		if err == nil && (p.MemoryKiB > maxMemoryKiB || p.Passes > maxPasses || p.Lanes == 0 || len(salt) < 8 || len(key) < 16) {
			t.Fatalf("accepted %+v, salt %d, key %d", p, len(salt), len(key))
		}
	})
}
