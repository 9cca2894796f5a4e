package tui

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"unicode/utf8"

	"klab/cluster"
	"klab/tui/cell"
	"klab/tui/keymap"
	"klab/tui/num"
	"klab/tui/safe"
	"klab/tui/words"
)

// record shows one record whole: where it is, every header, key and value.
type record struct {
	from  *tail
	shown cluster.Record // a copy
	raw   bool
	rows  cell.List
	lines []line // of shown, made for width, raw and language
	made  madeFor
}

type madeFor struct {
	width int
	raw   bool
	seq   int64
	lang  cluster.Lang
}

// line is one row of text with its style, or a heading.
type line struct {
	name  safe.Text
	text  safe.Text
	style cell.Style
}

const (
	maxShown  = 64 << 10 // bytes of a value that are drawn; more says how much is left out
	hexInLine = 16
)

func newRecord(from *tail, index int) *record {
	s := &record{from: from}
	s.show(index)
	return s
}

// show takes the index-th record of the tail, if there is one.
func (s *record) show(index int) {
	records := s.from.window(index, 1)
	if index < 0 || len(records) == 0 {
		return
	}
	s.shown = copied(records[0])
	s.rows.Home()
}

// place is where the record is now; -1: it has left the tail.
func (s *record) place() int { return max(s.from.place(&s.shown), -1) }

func (s *record) scope() keymap.Scope { return keymap.Record }

func (s *record) can(e *env, intent keymap.Intent) safe.Text {
	switch {
	case isMove(intent), intent == keymap.RawValue, intent == keymap.CopyValue:
		return possible()
	case intent == keymap.PreviousRecord && s.place() > 0:
		return possible()
	case intent == keymap.NextRecord && s.place() < s.from.count()-1:
		return possible()
	case intent == keymap.PreviousRecord, intent == keymap.NextRecord:
		return e.text(words.WhyNoRecord)
	}
	return e.otherwise()
}

func (s *record) act(e *env, intent keymap.Intent) effect {
	switch {
	case moveRows(&s.rows, intent):
	case intent == keymap.RawValue:
		s.raw = !s.raw
	case intent == keymap.PreviousRecord:
		s.show(s.place() - 1)
	case intent == keymap.NextRecord:
		s.show(s.place() + 1)
	case intent == keymap.CopyValue:
		return all{copyText{string(s.shown.Value)}, say{text: e.format(words.Copied, num.Bytes(int64(len(s.shown.Value))))}}
	}
	return nil
}

func (s *record) title(c *cell.Canvas, b cell.Box, e *env) {
	x := b.X + c.Text(b.X, b.Y, b.W/2, cell.Strong, partitionName(s.shown.Topic, s.shown.Partition)) + 3
	c.Text(x, b.Y, b.X+b.W-x, cell.Plain, e.format(words.RecordFacts, num.Count(s.shown.Offset), num.Stamp(s.shown.Time)))
}

func (s *record) draw(c *cell.Canvas, b cell.Box, e *env) {
	b = inner(b)
	made := madeFor{b.W, s.raw, s.shown.Seq, e.lang()}
	if made != s.made {
		s.made, s.lines = made, s.compose(e, b.W)
	}
	s.rows.Fit(len(s.lines), b.H)
	// The list has no chosen row: moving scrolls.
	from := min(s.rows.Cursor, max(len(s.lines)-b.H, 0))
	for i := from; i < min(from+b.H, len(s.lines)); i++ {
		l := s.lines[i]
		x := c.Text(b.X, b.Y+i-from, nameWidth, cell.Muted, l.name)
		if !l.name.Empty() {
			x = nameWidth
		}
		c.Text(b.X+x, b.Y+i-from, b.W-x, l.style, l.text)
	}
}

const nameWidth = 18

// compose makes the rows of the record for a width.
func (s *record) compose(e *env, width int) []line {
	r := &s.shown
	var lines []line
	field := func(name words.ID, text safe.Text) { lines = append(lines, line{e.text(name), text, cell.Plain}) }
	field(words.FieldTime, safe.Join(safe.Const("  "), num.Stamp(r.Time), e.text(timeKind(r))))
	field(words.FieldSizes, e.format(words.Sizes, num.Bytes(int64(len(r.Key))), num.Bytes(int64(len(r.Value))), len(r.Headers), num.Bytes(int64(r.Size()))))
	field(words.FieldBatch, e.format(words.BatchFacts, r.Codec, num.ID(r.LeaderEpoch), num.ID(r.ProducerID), num.ID(int32(r.ProducerEpoch))))
	lines = append(lines, line{}, line{text: e.format(words.HeadHeaders, len(r.Headers)), style: cell.Heading})
	for _, h := range r.Headers {
		lines = append(lines, line{safe.CleanHead(h.Key, nameWidth-2), payloadHead(h.Value, width-nameWidth), cell.Plain})
	}
	lines = s.payload(e, lines, words.HeadKey, r.Key, width)
	return s.payload(e, lines, words.HeadValue, r.Value, width)
}

func timeKind(r *cluster.Record) words.ID {
	if r.LogAppendTime {
		return words.LogAppendTime
	}
	return words.CreateTime
}

// payload adds a heading that says how the bytes were read, and the bytes.
func (s *record) payload(e *env, lines []line, head words.ID, data []byte, width int) []line {
	body, how := decode(data, s.raw)
	title := safe.Join(safe.Const("  "), e.text(head), e.text(how))
	lines = append(lines, line{}, line{text: title, style: cell.Heading})
	for _, row := range body {
		for _, part := range safe.Clean(row).Wrap(width) {
			lines = append(lines, line{text: part, style: cell.Plain})
		}
	}
	if len(data) > maxShown {
		lines = append(lines, line{text: e.format(words.LeftOut, num.Bytes(int64(len(data)-maxShown))), style: cell.Muted})
	}
	return lines
}

func payloadHead(data []byte, cells int) safe.Text {
	if data == nil {
		return safe.Const("∅")
	}
	return safe.CleanHead(data, cells)
}

// decode turns a payload into rows of text, and says how it read it.
func decode(data []byte, raw bool) (rows []string, how words.ID) {
	if data == nil {
		return nil, words.AsNull
	}
	shown := data[:min(len(data), maxShown)]
	if raw || !utf8.Valid(data) {
		return hexRows(shown), words.AsHex
	}
	var pretty bytes.Buffer
	if len(data) <= maxShown && json.Indent(&pretty, data, "", "  ") == nil && len(data) > 0 && (data[0] == '{' || data[0] == '[') {
		return splitRows(pretty.Bytes()), words.AsJSON
	}
	return splitRows(shown), words.AsText
}

func splitRows(data []byte) []string {
	var rows []string
	for row := range bytes.SplitSeq(data, []byte("\n")) {
		rows = append(rows, string(row))
	}
	return rows
}

// hexRows writes sixteen bytes a row: where, in hex, and as ASCII.
func hexRows(data []byte) []string {
	var rows []string
	for at := 0; at < len(data); at += hexInLine {
		part := data[at:min(at+hexInLine, len(data))]
		rows = append(rows, hexRow(at, part))
	}
	return rows
}

func hexRow(at int, part []byte) string {
	row := hex.EncodeToString([]byte{byte(at >> 24), byte(at >> 16), byte(at >> 8), byte(at)}) + "  "
	text := make([]byte, len(part))
	for i := range hexInLine {
		if i < len(part) {
			row += hex.EncodeToString(part[i:i+1]) + " "
			text[i] = printable(part[i])
		} else {
			row += "   "
		}
	}
	return row + " " + string(text)
}

func printable(b byte) byte {
	if b < 0x20 || b > 0x7e {
		return '.'
	}
	return b
}
