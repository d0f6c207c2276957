package mp4

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// TestReaderAgainstFFprobe reads every recorded file and compares each sample's size, place
// and key mark with what ffprobe says.
func TestReaderAgainstFFprobe(t *testing.T) {
	data := os.Getenv("BONGSU_DATA")
	if data == "" {
		t.Skip("BONGSU_DATA is not set: the recorded files are not compared")
	}
	var files []string
	for _, p := range []string{"videos/*.mp4", "videos/*/*.mp4"} {
		m, _ := filepath.Glob(filepath.Join(data, p))
		files = append(files, m...)
	}
	if len(files) == 0 {
		t.Fatalf("no MP4 under %s/videos", data)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) { compareWithFFprobe(t, path) })
	}
}

type probePacket struct {
	PTS   string `json:"pts_time"`
	DTS   string `json:"dts_time"`
	Size  string `json:"size"`
	Pos   string `json:"pos"`
	Flags string `json:"flags"`
}

type probeStream struct {
	Width  int    `json:"width"`
	Height int    `json:"height"`
	Tag    string `json:"codec_tag_string"`
	Codec  string `json:"codec_name"`
	SAR    string `json:"sample_aspect_ratio"`
	Matrix string `json:"color_space"`
	Frames string `json:"nb_read_frames"`
}

type probeResult struct {
	Packets []probePacket `json:"packets"`
	Streams []probeStream `json:"streams"`
	Format  struct {
		Duration string            `json:"duration"`
		Tags     map[string]string `json:"tags"`
	} `json:"format"`
}

func ffprobe(t testing.TB, path string, more ...string) *probeResult {
	t.Helper()
	if _, err := exec.LookPath("ffprobe"); err != nil {
		t.Skip("ffprobe is not installed: `make deps` does it")
	}
	args := append([]string{"-v", "error", "-select_streams", "v:0", "-show_packets", "-show_streams", "-show_format", "-of", "json"}, more...)
	cmd := exec.Command("ffprobe", append(args, path)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffprobe %s: %v", path, err)
	}
	var r probeResult
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatal(err)
	}
	return &r
}

func openFile(t testing.TB, path string) *Reader {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	rd, err := Open(f, st.Size())
	if err != nil {
		t.Fatal(err)
	}
	return rd
}

func seconds(t testing.TB, s string) float64 {
	t.Helper()
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatalf("ffprobe gave the time %q", s)
	}
	return f
}

func compareWithFFprobe(t *testing.T, path string) {
	rd, want := openFile(t, path), ffprobe(t, path)
	if len(want.Packets) != rd.Len() {
		t.Fatalf("%d samples, ffprobe says %d", rd.Len(), len(want.Packets))
	}
	if st := want.Streams[0]; st.Width != rd.Width() || st.Height != rd.Height() {
		t.Errorf("%dx%d, ffprobe says %dx%d", rd.Width(), rd.Height(), st.Width, st.Height)
	}
	for i, s := range rd.Samples() {
		p := want.Packets[i]
		if p.Size != strconv.Itoa(s.Size) || p.Pos != strconv.FormatInt(s.Offset, 10) {
			t.Fatalf("sample %d: %d bytes at %d, ffprobe says %s at %s", i, s.Size, s.Offset, p.Size, p.Pos)
		}
		if key := p.Flags[0] == 'K'; key != s.Key {
			t.Errorf("sample %d: key is %v, ffprobe says %v", i, s.Key, key)
		}
		if d := s.PTS.Seconds() - seconds(t, p.PTS); d > 0.002 || d < -0.002 {
			t.Fatalf("sample %d: shown at %v, ffprobe says %s", i, s.PTS, p.PTS)
		}
		if _, err := rd.Sample(i); err != nil {
			t.Fatal(err)
		}
	}
	if p := rd.Params(); !p.Complete() {
		t.Error("the parameter sets are not complete")
	}
	t.Logf("%s %dx%d %d samples %v %.2f pictures/s", rd.CodecString(), rd.Width(), rd.Height(), rd.Len(), rd.Duration(), rd.FPS())
}

// TestRemuxOfRecordedFiles records every recorded file as a clip, whole, and compares each NAL
// unit and each time with the source.
func TestRemuxOfRecordedFiles(t *testing.T) {
	data := os.Getenv("BONGSU_DATA")
	if data == "" {
		t.Skip("BONGSU_DATA is not set: the recorded files are not remuxed")
	}
	files, _ := filepath.Glob(filepath.Join(data, "videos/*.mp4"))
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			units := unitsOf(t, openFile(t, path))
			clip := filepath.Join(t.TempDir(), "clip.mp4")
			s := record(t, clip, units)
			sameUnits(t, openFile(t, clip), units)
			compareWithFFprobe(t, clip)
			t.Logf("%d units, %v, %d steps bent", s.Samples, s.Duration, s.Bent)
		})
	}
}
