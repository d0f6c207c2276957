package console

import (
	"net/http"
	"net/url"
	"testing"

	"bongsu"
	"bongsu/cloud/archive"
)

// FuzzQuery: whatever stands behind the "?" of an address, it is read or refused as invalid, and
// what was read is within what the archive promises to answer.
func FuzzQuery(f *testing.F) {
	for _, q := range []string{
		"", "limit=5&after=", "limit=0", "limit=99999999999999999999", "kind=intrusion&verdict=none", "kind=fall",
		"from=2026-11-21T09:00:00Z&to=2026-11-21T10:00:00Z", "from=2026-11-21T09:00:00Z&to=2026-11-21T08:00:00Z", "from=yesterday",
		"camera=gate&edge=centre-1", "camera=../../x", "camera=a&camera=b", "unknown=1", "%zz", "after=!!", "verdict=genuine;drop",
		"from=0000-01-01T00:00:00Z", "to=9999-12-31T23:59:59.999999999%2B14:00",
	} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		r := &http.Request{URL: &url.URL{RawQuery: raw}}
		q := newQuery(r, append([]string{"after", "limit"}, filterNames...)...)
		filter := eventFilter(q)
		filter.After = q.cursor()
		filter.Limit = int(q.number("limit", 1, archive.MaxPage, 100))
		if q.err != nil {
			if bongsu.CodeOf(q.err) != bongsu.CodeInvalid {
				t.Fatalf("code %s: %v", bongsu.CodeOf(q.err), q.err)
			}
			return
		}
		if filter.Limit < 1 || filter.Limit > archive.MaxPage || filter.Camera != "" && !bongsu.ValidName(string(filter.Camera)) {
			t.Fatalf("%+v", filter)
		}
		if again, err := archive.ParseCursor(filter.After.String()); err != nil || again != filter.After {
			t.Fatalf("the cursor %q comes back as %+v, %v", filter.After, again, err)
		}
	})
}
