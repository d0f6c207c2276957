package outbox

import (
	"cmp"
	"slices"

	"bongsu"
)

// keepLost is how many lost parts wait to be told at most. A cloud that is away while clips are
// evicted for months must not make the log grow without end.
const keepLost = 65536

// LostClips gives parts that were evicted or failed and of which the cloud has not been told yet,
// at most limit, the oldest first.
func (o *Outbox) LostClips(limit int) []bongsu.Clip {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []bongsu.Clip
	for _, r := range o.lostRows(limit) {
		out = append(out, r.clip)
	}
	return out
}

// lostRows gives the rows of lost parts, the oldest first. The caller holds mu.
func (o *Outbox) lostRows(limit int) []*row {
	rows := make([]*row, 0, len(o.state.lost))
	for _, r := range o.state.lost {
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b *row) int { return cmp.Compare(a.order, b.order) })
	return rows[:min(limit, len(rows))]
}

// LostClipTold says that the cloud knows that the part will never come. A part that is not
// among the lost ones is no error.
func (o *Outbox) LostClipTold(key bongsu.ClipKey) error {
	o.mu.Lock()
	r := o.state.lost[key]
	o.mu.Unlock()
	if r == nil {
		return nil
	}
	return o.submit(toldRecord(r))
}

func toldRecord(r *row) *record {
	rec := clipRecord(r.clip, r)
	rec.m.Acked = true
	return rec
}

// boundLost forgets the oldest lost parts when there are too many: the sums still count them.
func (o *Outbox) boundLost() error {
	o.mu.Lock()
	over := len(o.state.lost) - keepLost
	var rows []*row
	if over > 0 {
		rows = o.lostRows(over + keepLost/16)
	}
	o.mu.Unlock()
	if len(rows) == 0 {
		return nil
	}
	o.log.Warn("the cloud is not told any more of the oldest clips that were lost: there are too many", "parts", len(rows))
	recs := make([]*record, 0, len(rows))
	for _, r := range rows {
		recs = append(recs, toldRecord(r))
	}
	return o.submit(recs...)
}
