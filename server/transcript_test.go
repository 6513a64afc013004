package server

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"leasehold/config"
	"leasehold/server/control"
	"leasehold/server/logging"
)

// date is the clock of every server here.
var date = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

// newServer builds a server that serves text but opens no socket.
func newServer(t testing.TB, name string, text []byte, change func(*Options)) *Server {
	t.Helper()
	if !filepath.IsAbs(name) {
		name = filepath.Join(t.TempDir(), name) // commands may write beside it
	}
	cfg, err := config.Parse(name, text)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := logging.Start(logging.Options{Stdout: &out, Now: func() time.Time { return date }})
	t.Cleanup(func() { w.Close() })
	o := Options{Log: w, Now: func() time.Time { return date }, DataDir: t.TempDir(), Release: "test"}
	if change != nil {
		change(&o)
	}
	s, err := New(cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.closeDoors()
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// tell sends one request to the server of a family and returns its answer.
func tell(t testing.TB, s *Server, version int, request string) string {
	t.Helper()
	v, _, err := config.ParseValue("<wire>", []byte(request), false)
	if err != nil {
		t.Fatalf("%s: %v", request, err)
	}
	c := &control.Command{Name: stringOf(v, "command"), Arguments: v.Get("arguments")}
	return string(s.Handler(version).Handle(context.Background(), c).Append(nil))
}

// different are parts of answers that need not be equal: positions in
// the request, and times.
var different = []*regexp.Regexp{
	regexp.MustCompile(`\(?<(wire|string)>:\d+:\d+\)?`),
	regexp.MustCompile(`"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}"`),
	regexp.MustCompile(`"cltt": \d+`),
}

func masked(answer string) string {
	for _, r := range different {
		answer = r.ReplaceAllString(answer, "…")
	}
	return answer
}

// transcript plays a recorded conversation: > request, < answer that ours must
// equal, or ~ answer from which ours differs on purpose, followed by = ours.
func transcript(t *testing.T, s *Server, version int, file string) {
	text, err := os.ReadFile(filepath.Join("testdata/commands", file))
	if err != nil {
		t.Fatal(err)
	}
	request, lines := "", bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		mark, want, _ := strings.Cut(lines.Text(), " ")
		switch mark {
		case ">":
			request = want
		case "<", "=":
			if got := tell(t, s, version, request); masked(got) != masked(want) {
				t.Errorf("%s\n got  %s\n want %s", request, got, want)
			}
		}
	}
}

func example(t testing.TB, file string, change func(*Options)) *Server {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata/commands", file))
	if err != nil {
		t.Fatal(err)
	}
	return newServer(t, file, text, change)
}

// The recordings of 2.2.0 show where newer releases word or number an answer
// differently: there, ours is that of 3.x.
func TestAnswersAsKea(t *testing.T) {
	for _, name := range []string{"kea4", "kea6", "kea4-3.3", "kea6-3.3"} {
		t.Run(name, func(t *testing.T) {
			transcript(t, example(t, name+".json", nil), int(name[3]-'0'), name+".txt")
		})
	}
}

func TestEditsTheConfiguration(t *testing.T) {
	transcript(t, example(t, "edit4.json", nil), 4, "edit4.txt")
	transcript(t, example(t, "edit6.json", nil), 6, "edit6.txt")
}
