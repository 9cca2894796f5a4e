package supervisor

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	"klab/launcher/event"
)

const (
	logFileBytes = 4 << 20 // of one file; one older file is kept
	logLineBytes = 64 << 10
	lastLines    = 20 // kept for the event of an unexpected end, the beginning of each
	followQueue  = 1024
)

// logFile is one process's log: lines in a file that is renamed to .1 when it is full, the last lines in memory, and those who
// follow it.
type logFile struct {
	path string

	mu        sync.Mutex
	file      *os.File
	size      int64
	last      []string
	followers map[chan string]struct{}
}

func openLogFile(path string) (*logFile, error) {
	l := &logFile{path: path, followers: map[chan string]struct{}{}}
	if err := l.open(); err != nil {
		return nil, fmt.Errorf("cannot open log: %w", err)
	}
	return l, nil
}

func (l *logFile) open() error {
	file, err := openAppend(l.path)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return err
	}
	l.file, l.size = file, info.Size()
	return nil
}

// copyFrom takes lines from r until its end. A line longer than logLineBytes is divided.
func (l *logFile) copyFrom(r io.Reader) {
	lines := bufio.NewReaderSize(r, logLineBytes)
	for {
		line, err := lines.ReadSlice('\n')
		if len(line) > 0 {
			l.line(string(trimNewline(line)))
		}
		if err != nil && err != bufio.ErrBufferFull {
			return
		}
	}
}

func trimNewline(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		return line[:n-1]
	}
	return line
}

// lines takes a line that was read whole, and divides it likewise.
func (l *logFile) lines(line []byte) {
	for len(line) > logLineBytes {
		l.line(string(line[:logLineBytes]))
		line = line[logLineBytes:]
	}
	l.line(string(line))
}

// Write makes a logFile the destination of a slog.Handler: one call, one line.
func (l *logFile) Write(p []byte) (int, error) {
	l.line(string(trimNewline(p)))
	return len(p), nil
}

// line appends one line. A disk that cannot take it, or a full file that cannot be moved away, costs the file, not those who
// follow.
func (l *logFile) line(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.size+int64(len(text)) < logFileBytes || l.rotate() == nil {
		n, _ := io.WriteString(l.file, text+"\n")
		l.size += int64(n)
	}
	if len(l.last) == lastLines {
		l.last = slices.Delete(l.last, 0, 1)
	}
	l.last = append(l.last, event.Cut(text, event.MaxText))
	for follower := range l.followers {
		select {
		case follower <- text:
		default: // it reads too slowly: it ends, and its reader sees why
			delete(l.followers, follower)
			close(follower)
		}
	}
}

func (l *logFile) rotate() error {
	file, err := rotate(l.path)
	if err != nil {
		return err
	}
	l.file.Close()
	l.file, l.size = file, 0
	return nil
}

// forget empties the memory of last lines: a new process begins.
func (l *logFile) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = nil
}

func (l *logFile) lastLines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.last)
}

// follow returns what is in the files now, and the lines that come after it. The channel is closed when its reader is too slow
// or unfollow is called.
func (l *logFile) follow() (content io.ReadCloser, lines <-chan string, unfollow func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	follower := make(chan string, followQueue)
	l.followers[follower] = struct{}{}
	return l.content(), follower, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if _, ok := l.followers[follower]; ok {
			delete(l.followers, follower)
			close(follower)
		}
	}
}

// content reads the older and the present file, up to their present ends.
func (l *logFile) content() io.ReadCloser {
	var all files
	for _, path := range []string{l.path + ".1", l.path} {
		if file, err := os.Open(path); err == nil {
			all = append(all, file)
		}
	}
	var readers []io.Reader
	for i, file := range all {
		if i == len(all)-1 {
			readers = append(readers, io.LimitReader(file, l.size))
			break
		}
		readers = append(readers, file)
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(readers...), all}
}

func (l *logFile) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.file.Close()
}

// files closes several files as one.
type files []*os.File

func (all files) Close() error {
	for _, file := range all {
		file.Close()
	}
	return nil
}
