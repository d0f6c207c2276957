package console

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"

	"bongsu"
)

// kst is what people in Korea see; there is no daylight saving time.
var kst = time.FixedZone("KST", 9*60*60)

// column is one column of the CSV: its header in both languages and its cell.
type column struct {
	en, ko string
	cell   func(*EventView) string
}

// text is a column whose content others have written: it is guarded against being taken for a
// formula. Columns of our own making (numbers, times) are not.
func text(en, ko string, cell func(*EventView) string) column {
	return column{en, ko, func(e *EventView) string { return guardFormula(cell(e)) }}
}

func columns() []column {
	utc := func(t time.Time) string { return stamp(t.UTC(), "2006-01-02T15:04:05.000000Z") }
	local := func(t time.Time) string { return stamp(t.In(kst), "2006-01-02T15:04:05.000000+09:00") }
	return []column{
		text("id", "사건 ID", func(e *EventView) string { return string(e.ID) }),
		{"revision", "개정", func(e *EventView) string { return strconv.Itoa(e.Revision) }},
		text("edge", "엣지", func(e *EventView) string { return string(e.Edge) }),
		text("edge_name", "엣지 이름", func(e *EventView) string { return e.EdgeName }),
		text("camera", "카메라", func(e *EventView) string { return string(e.Camera) }),
		text("camera_name", "카메라 이름", func(e *EventView) string { return e.CameraName }),
		text("rule", "규칙", func(e *EventView) string { return string(e.Rule) }),
		text("kind", "종류", func(e *EventView) string { return string(e.Kind) }),
		text("priority", "우선순위", func(e *EventView) string { return string(e.Priority) }),
		text("state", "상태", func(e *EventView) string { return string(e.State) }),
		text("close_reason", "종료 사유", func(e *EventView) string { return e.CloseReason }),
		{"start_utc", "시작(UTC)", func(e *EventView) string { return utc(e.Start) }},
		{"start_kst", "시작(KST)", func(e *EventView) string { return local(e.Start) }},
		{"fired_utc", "판정(UTC)", func(e *EventView) string { return utc(e.Fired) }},
		{"fired_kst", "판정(KST)", func(e *EventView) string { return local(e.Fired) }},
		{"end_utc", "종료(UTC)", func(e *EventView) string { return utc(e.End) }},
		{"end_kst", "종료(KST)", func(e *EventView) string { return local(e.End) }},
		text("clock", "시계 상태", func(e *EventView) string { return e.Clock.WallQuality }),
		text("class", "대상", func(e *EventView) string { return string(e.Class) }),
		{"score", "점수", func(e *EventView) string { return strconv.FormatFloat(float64(e.Score), 'f', -1, 32) }},
		{"track", "추적 번호", func(e *EventView) string { return strconv.FormatUint(uint64(e.Track), 10) }},
		text("direction", "방향", func(e *EventView) string { return e.Direction }),
		{"tainted", "손상 뒤 판정", func(e *EventView) string { return strconv.FormatBool(e.Tainted) }},
		{"clips_ready", "재생 가능한 클립", func(e *EventView) string { return strconv.Itoa(playable(e.Clips)) }},
		text("alert", "경보 ID", func(e *EventView) string { return string(e.Alert) }),
		text("verdict", "판정 결과", func(e *EventView) string { return string(e.Verdict) }),
		text("model", "모델", func(e *EventView) string { return e.Model.Name }),
		text("model_version", "모델 판", func(e *EventView) string { return e.Model.Version }),
		text("model_sha256", "모델 SHA-256", func(e *EventView) string { return e.Model.SHA256 }),
		{"received_utc", "수신(UTC)", func(e *EventView) string { return utc(e.Received) }},
		{"received_kst", "수신(KST)", func(e *EventView) string { return local(e.Received) }},
		{"experimental", "실험 기능", func(e *EventView) string { return strconv.FormatBool(e.Experimental) }},
		text("rule_version", "규칙 판", func(e *EventView) string { return e.RuleVersion }),
	}
}

// stamp gives the zero time as an empty cell.
func stamp(t time.Time, layout string) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(layout)
}

func playable(clips []ClipView) int {
	n := 0
	for _, c := range clips {
		if c.URL != "" && (c.State == bongsu.ClipReady || c.State == bongsu.ClipTorn) {
			n++
		}
	}
	return n
}

// guardFormula puts an apostrophe before a cell that a spreadsheet would run as a formula
// (OWASP, CSV injection; full-width forms count, too). A cell that begins with an apostrophe
// gets one as well, so that taking one away always gives the cell back.
func guardFormula(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n'＝＋－＠", []rune(s)[0]) {
		return "'" + s
	}
	return s
}

// csvWriter writes events as RFC 4180 has it: CRLF, quotes where needed, a header.
type csvWriter struct {
	w       *csv.Writer
	columns []column
	cells   []string
}

// newCSV writes the header, in Korean or English, after a byte order mark if wanted: Korean
// spreadsheet programs take a file without one for CP949.
func newCSV(w io.Writer, bom bool, lang string) *csvWriter {
	if bom {
		_, _ = io.WriteString(w, "\uFEFF") // a failure shows at the first flush
	}
	c := &csvWriter{w: csv.NewWriter(w), columns: columns()}
	c.w.UseCRLF = true
	for _, col := range c.columns {
		if lang == "ko" {
			c.cells = append(c.cells, col.ko)
		} else {
			c.cells = append(c.cells, col.en)
		}
	}
	_ = c.w.Write(c.cells) // flush tells
	return c
}

// row adds one event; flush tells whether it could be written.
func (c *csvWriter) row(e EventView) {
	for i, col := range c.columns {
		c.cells[i] = col.cell(&e)
	}
	_ = c.w.Write(c.cells)
}

func (c *csvWriter) flush() error {
	c.w.Flush()
	return c.w.Error()
}
