package avcodec

// mark is what is known of one unit's picture: tainted says that data is missing in what it
// was decoded from; run numbers the stretch from one key unit to the next.
type mark struct {
	tainted bool
	run     uint64
}

// taint follows lost data through one stream, in decoding order. libavcodec does not tell:
// after one lost slice it delivers wrong pictures, unflagged, until the next key unit. The
// zero value trusts nothing until a key unit came.
type taint struct {
	run    uint64 // stretch in force; 0 before the first key unit
	clean  bool   // nothing was lost since the key unit that began the stretch
	before bool   // the stretch before was clean to its end
}

// unit takes the next unit and says what its picture is. lost: data is missing within the unit
// or just before it. leading: the unit refers to pictures before its key unit (H.265 RASL), so
// it is as clean as the stretch before.
func (t *taint) unit(key, leading, lost bool) mark {
	switch {
	case key:
		t.before = t.clean && !lost
		t.clean = !lost
		t.run++
	case lost:
		t.clean = false
	}
	return mark{tainted: !t.clean || leading && !t.before, run: t.run}
}

// lose says that data is missing between the unit before and the next one.
func (t *taint) lose() { t.clean = false }

// damaged says that the picture of the unit with mark m turned out damaged: what is decoded
// from now on may lean on it.
func (t *taint) damaged(m mark) {
	switch m.run {
	case t.run:
		t.clean = false
	case t.run - 1:
		t.before = false
	}
}
