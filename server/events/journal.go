package events

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// The files of a Log: the newest events are in the first, as many as are to be
// kept; those before them are in the second.
const (
	journalSuffix = "-events.jsonl"
	olderSuffix   = ".1"
)

// maxLine bounds one event in a file.
const maxLine = 1 << 20

// closedLine is the last line of a file whose events are complete.
const closedLine = `{"closed":true}`

// journal writes events to files. They are not synced one by one: after a
// crash of the machine the last ones may be missing, which the absence of
// closedLine tells.
type journal struct {
	path  string
	keep  int
	count int // events in the newest file
	file  *os.File
	buf   bytes.Buffer
}

// openJournal reads the events of the files at a path. clean says that none is
// missing at the end.
func openJournal(path string, keep int) (j *journal, old []Event, clean bool, err error) {
	j = &journal{path: path, keep: keep}
	older, _, _, err := readJournal(j.path + olderSuffix)
	if err != nil {
		return nil, nil, false, err
	}
	newer, whole, clean, err := readJournal(j.path)
	if err != nil {
		return nil, nil, false, err
	}
	if j.file, err = os.OpenFile(j.path, os.O_CREATE|os.O_RDWR, 0o640); err != nil {
		return nil, nil, false, fmt.Errorf("open events: %w", err)
	}
	// A line that was not finished is cut off.
	if err = j.file.Truncate(whole); err == nil {
		_, err = j.file.Seek(whole, io.SeekStart)
	}
	if err != nil {
		j.file.Close()
		return nil, nil, false, fmt.Errorf("open events: %w", err)
	}
	j.count = len(newer)
	return j, chain(append(older, newer...)), clean, nil
}

// chain returns the longest end of a list in which no event is missing.
func chain(list []Event) []Event {
	for i := len(list) - 1; i > 0; i-- {
		a, b := list[i-1].Cursor, list[i].Cursor
		if a.Epoch != b.Epoch || a.Seq+1 != b.Seq {
			return list[i:]
		}
	}
	return list
}

// readJournal returns the events of one file and how much of it is whole lines.
// A file that is not there has none, and nothing is missing in it either.
func readJournal(path string) (list []Event, whole int64, clean bool, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, true, nil
	}
	if err != nil {
		return nil, 0, false, fmt.Errorf("open events: %w", err)
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, maxLine)
	for {
		line, err := in.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF):
			return list, whole, clean && len(line) == 0, nil
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, 0, false, nil // no file of ours: begin anew
		case err != nil:
			return nil, 0, false, fmt.Errorf("read events: %w", err)
		}
		whole += int64(len(line))
		line = line[:len(line)-1]
		if clean = string(line) == closedLine; clean {
			continue
		}
		var head struct {
			ID     Cursor
			Type   string
			Family int
		}
		if json.Unmarshal(line, &head) != nil || head.Type == "" {
			list = list[:0]
			continue
		}
		list = append(list, Event{head.ID, head.Type, head.Family, bytes.Clone(line)})
	}
}

func (j *journal) add(line []byte) {
	j.buf.Write(line)
	j.buf.WriteByte('\n')
	j.count++
}

func (j *journal) flush() error {
	if _, err := j.file.Write(j.buf.Bytes()); err != nil {
		return fmt.Errorf("write events: %w", err)
	}
	j.buf.Reset()
	if j.count < j.keep {
		return nil
	}
	if err := errors.Join(j.file.Close(), os.Rename(j.path, j.path+olderSuffix)); err != nil {
		return fmt.Errorf("begin another file of events: %w", err)
	}
	f, err := os.OpenFile(j.path, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o640)
	if err != nil {
		return fmt.Errorf("begin another file of events: %w", err)
	}
	j.file, j.count = f, 0
	return nil
}

// abandon gives the files up as they are.
func (j *journal) abandon() { j.file.Close() }

func (j *journal) close() error {
	_, err := j.file.WriteString(closedLine + "\n")
	if err = errors.Join(err, j.file.Sync(), j.file.Close()); err != nil {
		return fmt.Errorf("close events: %w", err)
	}
	return nil
}
