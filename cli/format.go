package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"klab/cluster"
)

const formatHelp = `--format takes %t topic, %p partition, %o offset, %d time, %T time in milliseconds, %k key, %K key's length,
%v value, %V value's length, %h headers, %e leader epoch, %% a percent sign, and \n \t \\. Nulls are written as
nothing, their length as -1.`

// format writes records as --format says: a piece of constant text, or a letter.
type format []piece

type piece struct {
	text string
	verb byte // 0: text
}

const formatVerbs = "tpodTkKvVhe"

func parseFormat(s string) (format, error) {
	var f format
	var text strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' && s[i] != '\\' {
			text.WriteByte(s[i])
			continue
		}
		if i+1 == len(s) {
			return nil, fmt.Errorf("cannot use format %q: it ends in %c", s, s[i])
		}
		mark := s[i]
		i++
		constant, ok := escape(mark, s[i])
		switch {
		case ok:
			text.WriteByte(constant)
		case mark == '%' && strings.IndexByte(formatVerbs, s[i]) >= 0:
			f = append(f, piece{text: text.String()}, piece{verb: s[i]})
			text.Reset()
		default:
			return nil, fmt.Errorf("cannot use format %q: it has no %c%c; see klab consume --help", s, mark, s[i])
		}
	}
	return append(f, piece{text: text.String()}), nil
}

func escape(mark, c byte) (byte, bool) {
	if mark == '%' {
		return c, c == '%'
	}
	switch c {
	case 'n':
		return '\n', true
	case 't':
		return '\t', true
	case '\\':
		return c, true
	}
	return 0, false
}

func (f format) write(o output, r *cluster.Record) error {
	var b strings.Builder
	for _, p := range f {
		if p.verb == 0 {
			b.WriteString(p.text)
		} else {
			b.WriteString(o.text(field(p.verb, r)))
		}
	}
	_, err := io.WriteString(o.w, b.String())
	return err
}

func field(verb byte, r *cluster.Record) string {
	switch verb {
	case 't':
		return r.Topic
	case 'p':
		return strconv.Itoa(int(r.Partition))
	case 'o':
		return strconv.FormatInt(r.Offset, 10)
	case 'd':
		return r.Time.Format(time.RFC3339Nano)
	case 'T':
		return strconv.FormatInt(r.Time.UnixMilli(), 10)
	case 'k':
		return string(r.Key)
	case 'K':
		return length(r.Key)
	case 'v':
		return string(r.Value)
	case 'V':
		return length(r.Value)
	case 'e':
		return strconv.Itoa(int(r.LeaderEpoch))
	}
	headers := make([]string, len(r.Headers))
	for i, h := range r.Headers {
		headers[i] = h.Key + "=" + string(h.Value)
	}
	return strings.Join(headers, ",")
}

func length(b []byte) string {
	if b == nil {
		return "-1"
	}
	return strconv.Itoa(len(b))
}
