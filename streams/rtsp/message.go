package rtsp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Bounds of what one message of a camera may hold.
const (
	maxLine    = 8 << 10
	maxFields  = 255
	maxContent = 128 << 10
)

var errMessage = errors.New("message beyond bounds")

// message is one RTSP request or answer, RFC 2326 section 4 and 6, read as leniently as can
// be done without guessing.
type message struct {
	status      int    // of an answer; 0 for a request
	text        string // of an answer
	method, url string // of a request
	fields      []field
	body        []byte
	odd         bool // the first line is not as it should be
}

type field struct{ name, value string }

// get gives the first value of a header, "" without one.
func (m *message) get(name string) string {
	for _, f := range m.fields {
		if strings.EqualFold(f.name, name) {
			return f.value
		}
	}
	return ""
}

// all gives every value of a header.
func (m *message) all(name string) []string {
	var out []string
	for _, f := range m.fields {
		if strings.EqualFold(f.name, name) {
			out = append(out, f.value)
		}
	}
	return out
}

// set replaces a header, or adds it.
func (m *message) set(name, value string) {
	m.drop(name)
	m.fields = append(m.fields, field{name, value})
}

func (m *message) drop(name string) {
	kept := m.fields[:0]
	for _, f := range m.fields {
		if !strings.EqualFold(f.name, name) {
			kept = append(kept, f)
		}
	}
	m.fields = kept
}

// readMessage reads one message. Lines may end without CR; lines of the header that are none
// are left out.
func readMessage(br *bufio.Reader) (*message, error) {
	first, err := readLine(br)
	if err != nil {
		return nil, err
	}
	m := &message{}
	m.begin(first)
	for {
		line, err := readLine(br)
		if err != nil {
			return nil, err
		}
		if line == "" {
			break
		}
		if len(m.fields) >= maxFields {
			return nil, fmt.Errorf("%w: more than %d header fields", errMessage, maxFields)
		}
		m.header(line)
	}
	n, err := strconv.Atoi(strings.TrimSpace(m.get("Content-Length")))
	if err != nil || n <= 0 {
		return m, nil
	}
	if n > maxContent {
		return nil, fmt.Errorf("%w: %d bytes of content", errMessage, n)
	}
	m.body = make([]byte, n)
	if n, err = io.ReadFull(br, m.body); errors.Is(err, io.ErrUnexpectedEOF) && m.status > 0 {
		m.body = m.body[:n] // the camera announced more than it has, and hung up
	} else if err != nil {
		return nil, err
	}
	return m, nil
}

// begin reads the first line.
func (m *message) begin(line string) {
	f := strings.Fields(line)
	if len(f) == 0 {
		m.odd = true
		return
	}
	if !strings.HasPrefix(f[0], "RTSP/") {
		m.method = f[0]
		if len(f) > 1 {
			m.url = f[1]
		}
		return
	}
	if len(f) > 1 {
		m.status, _ = strconv.Atoi(f[1])
	}
	m.text = strings.Join(f[min(2, len(f)):], " ")
	if m.status < 100 || m.status > 999 {
		m.status, m.odd = 500, true
	}
	m.odd = m.odd || f[0] != "RTSP/1.0" || m.text == "" || strings.Contains(line, "  ")
}

// header reads one line of the header.
func (m *message) header(line string) {
	if line[0] == ' ' || line[0] == '\t' { // goes on from the line before
		if n := len(m.fields); n > 0 {
			m.fields[n-1].value += " " + strings.TrimSpace(line)
		}
		return
	}
	if name, value, ok := strings.Cut(line, ":"); ok {
		m.fields = append(m.fields, field{strings.TrimSpace(name), strings.TrimSpace(value)})
	}
}

// readLine reads up to a line feed, and drops it with a CR before it.
func readLine(br *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, err := br.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxLine {
			return "", fmt.Errorf("%w: a line of more than %d bytes", errMessage, maxLine)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			if errors.Is(err, io.EOF) && len(line) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return "", err
		}
		return strings.TrimRight(string(line), "\r\n"), nil
	}
}

// What gortsplib reads of the words behind a status and of a header's value, with some to spare.
const (
	longestText  = 200
	longestValue = 2000
)

// bound takes out of an answer what gortsplib would break the session over: a line without an
// end, or one that ends early by a control character, such as a carriage return in its middle.
func (m *message) bound() {
	if m.text == "" || !passable(m.text, longestText) {
		m.text = "-"
	}
	m.fields = slices.DeleteFunc(m.fields, func(f field) bool { return !passable(f.value, longestValue) })
}

func passable(value string, longest int) bool {
	return len(value) <= longest && !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// marshal writes m.
func (m *message) marshal() []byte {
	var b strings.Builder
	if m.status > 0 {
		fmt.Fprintf(&b, "RTSP/1.0 %d %s\r\n", m.status, m.text)
	} else {
		fmt.Fprintf(&b, "%s %s RTSP/1.0\r\n", m.method, m.url)
	}
	for _, f := range m.fields {
		b.WriteString(f.name + ": " + f.value + "\r\n")
	}
	b.WriteString("\r\n")
	b.Write(m.body)
	return []byte(b.String())
}
