package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/x/term"

	"klab/tui/safe"
)

// output is where results go and in which form.
type output struct {
	w        io.Writer
	terminal bool // a person reads it: foreign text is cleaned
	json     bool
}

// isTerminal says whether a person reads what is written to w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(f.Fd())
}

// text is foreign text in the form in which it may be written.
func (o output) text(s string) string {
	if o.terminal {
		return safe.Clean(s).String()
	}
	return s
}

// value writes one JSON value on a line.
func (o output) value(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("cannot write JSON: %w", err)
	}
	_, err = fmt.Fprintln(o.w, o.text(string(data)))
	return err
}

func (o output) line(format string, args ...any) error {
	_, err := fmt.Fprintf(o.w, format+"\n", args...)
	return err
}

// table lines up columns. A column whose header begins with ">" is aligned right.
func (o output) table(header []string, rows [][]string) error {
	right := make([]bool, len(header))
	width := make([]int, len(header))
	cells := append([][]string{header}, rows...)
	for r, row := range cells {
		for i := range row {
			if r == 0 {
				row[i], right[i] = strings.TrimPrefix(row[i], ">"), strings.HasPrefix(row[i], ">")
			}
			row[i] = o.text(row[i])
			width[i] = max(width[i], safe.Clean(row[i]).Width())
		}
	}
	var b strings.Builder
	for _, row := range cells {
		b.WriteString(strings.TrimRight(alignRow(row, width, right), " "))
		b.WriteByte('\n')
	}
	_, err := io.WriteString(o.w, b.String())
	return err
}

func alignRow(row []string, width []int, right []bool) string {
	var b strings.Builder
	for i, cell := range row {
		pad := strings.Repeat(" ", width[i]-safe.Clean(cell).Width())
		if right[i] {
			b.WriteString(pad + cell)
		} else {
			b.WriteString(cell + pad)
		}
		b.WriteString("  ")
	}
	return b.String()
}

// number writes a count, or a dash when it is not known.
func number[N int | int32 | int64](n N) string {
	if n < 0 {
		return "-"
	}
	return strconv.FormatInt(int64(n), 10)
}

// byteSize writes a size with a unit, or a dash when it is not known.
func byteSize(n int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	if n < 0 {
		return "-"
	}
	size, unit := float64(n), 0
	for size >= 1000 && unit < len(units)-1 {
		size, unit = size/1000, unit+1
	}
	if unit == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", size, units[unit])
}

func ids(list []int32) string {
	words := make([]string, len(list))
	for i, id := range list {
		words[i] = strconv.Itoa(int(id))
	}
	return strings.Join(words, ",")
}

// millis writes a duration as a person compares it: milliseconds, with a tenth below ten.
func millis(d time.Duration) string {
	ms := float64(d.Microseconds()) / 1000
	if ms < 10 {
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.0f ms", ms)
}
