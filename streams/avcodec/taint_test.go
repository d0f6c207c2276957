package avcodec

import "testing"

func TestTaintTable(t *testing.T) {
	// One letter a unit: K key, p picture, r leading picture that refers to before its key
	// unit; capitals with ! behind them lost data; - is MarkLoss. want: . clean, x tainted.
	cases := []struct{ name, units, want string }{
		{"nothing lost", "KpppKppp", "........"},
		{"before the first key unit", "ppKpp", "xx..."},
		{"loss until the next key unit", "Kpp!pp Kpp", ".. xxx ..."},
		{"key unit that lost data", "Kp K!pp Kp", ".. xxx .."},
		{"key unit after a drop is clean", "Kp-Kpp", ".. ..."},
		{"drop before a picture", "Kp-pp Kp", ".. xx .."},
		{"leading pictures of a clean stretch", "Kpp Krrp", "... ...."},
		{"leading pictures after a loss", "Kp!p Krrp Krrp", ".xx .xx. ...."},
		{"leading pictures after a drop", "Kpp-Krrp", "... .xx."},
		{"leading pictures of the first key unit", "Krrp", ".xx."},
		{"leading picture lost", "Kp Kr!p Krp", ".. .xx .x."},
		{"every key unit lost", "K!pK!p", "xxxx"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var tr taint
			got := ""
			for i := 0; i < len(c.units); i++ {
				lost := i+1 < len(c.units) && c.units[i+1] == '!'
				var m mark
				switch c.units[i] {
				case 'K':
					m = tr.unit(true, false, lost)
				case 'p':
					m = tr.unit(false, false, lost)
				case 'r':
					m = tr.unit(false, true, lost)
				case '-':
					tr.lose()
					continue
				default:
					continue
				}
				if m.tainted {
					got += "x"
				} else {
					got += "."
				}
			}
			if want := squeeze(c.want); got != want {
				t.Errorf("%s gives %s, want %s", c.units, got, want)
			}
		})
	}
}

func squeeze(s string) string {
	out := ""
	for _, r := range s {
		if r != ' ' {
			out += string(r)
		}
	}
	return out
}

func TestTaintDamagedPicture(t *testing.T) {
	var tr taint
	first := tr.unit(true, false, false)
	p := tr.unit(false, false, false)
	tr.damaged(p)
	if !tr.unit(false, false, false).tainted {
		t.Error("a picture after a damaged one is clean")
	}
	key := tr.unit(true, false, false)
	if key.tainted {
		t.Error("the key unit after a damaged picture is tainted")
	}
	tr.damaged(p) // shown late, of the stretch before
	if tr.unit(false, false, false).tainted {
		t.Error("damage of the stretch before reaches behind the key unit")
	}
	if !tr.unit(false, true, false).tainted {
		t.Error("a leading picture does not inherit damage of the stretch before")
	}
	tr.unit(true, false, false)
	tr.damaged(first) // two stretches ago
	if tr.unit(false, true, false).tainted {
		t.Error("damage of two stretches ago reaches a leading picture")
	}
}
