//go:build bench

package e2e

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// table collects medians and prints them as Markdown.
type table struct {
	t     *testing.T
	rows  []string
	lost  []string // where Apache is better
	began time.Time
	freed time.Time // when gigabytes were last freed
}

func newTable(t *testing.T) *table { return &table{t: t, began: time.Now()} }

// measure runs a part, the sides taking turns, and adds its rows.
func (tb *table) measure(t *testing.T, b *bench, p part, sides []side) {
	rounds := b.rounds
	if p.rounds > 0 {
		rounds = min(rounds, p.rounds)
	}
	values := make([][][]float64, len(sides)) // by side, metric, round
	for i := range values {
		values[i] = make([][]float64, len(p.metrics))
	}
	if !p.fills {
		rest(tb.freed)
	}
	before := load()
	for round := range rounds {
		for i, s := range sides {
			if p.fills {
				touchMemory(t)
			}
			got := p.run(t, b, s, round)
			t.Logf("%s, round %d, %s: %s", p.name, round+1, s.name, p.show(got))
			for m := range p.metrics {
				values[i][m] = append(values[i][m], got[m])
			}
		}
	}
	if p.fills {
		tb.freed = time.Now()
	}
	setting := fmt.Sprintf("%s; %d rounds; load %s to %s", p.setting, rounds, before, load())
	for m, metric := range p.metrics {
		byside := make([][]float64, len(sides))
		for i := range sides {
			byside[i] = values[i][m]
		}
		tb.add(p.name, metric, byside, setting)
	}
}

func (p part) show(values []float64) string {
	var out []string
	for m, v := range values {
		out = append(out, p.metrics[m].name+" "+p.metrics[m].format(v))
	}
	return strings.Join(out, ", ")
}

// add makes one row: medians with the least and the largest value, and the ratio.
func (tb *table) add(part string, m metric, bySide [][]float64, setting string) {
	var medians []float64
	cells := []string{part, m.name}
	for i := range 2 {
		if i >= len(bySide) {
			cells = append(cells, "-")
			continue
		}
		v := slices.DeleteFunc(bySide[i], math.IsNaN)
		if len(v) == 0 {
			v = []float64{math.NaN()}
		}
		slices.Sort(v)
		median := v[len(v)/2]
		medians = append(medians, median)
		cells = append(cells, fmt.Sprintf("%s (%s to %s)", m.format(median), m.format(v[0]), m.format(v[len(v)-1])))
	}
	ratio, verdict := "-", ""
	if len(medians) == 2 && !math.IsNaN(medians[0]+medians[1]) {
		ours, theirs := medians[0], medians[1]
		if ours > 0 && theirs > 0 { // a time beyond another may be negative
			ratio = fmt.Sprintf("%.2f", ours/theirs)
		}
		verdict = m.verdict(ours, theirs)
		if m.less && ours > theirs || !m.less && ours < theirs {
			tb.lost = append(tb.lost, fmt.Sprintf("%s, %s: %s", part, m.name, ratio))
		}
	}
	tb.rows = append(tb.rows, "| "+strings.Join(append(cells, ratio, verdict, setting), " | ")+" |")
}

// verdict compares with the bar.
func (m metric) verdict(ours, theirs float64) string {
	if m.bar == 0 {
		return ""
	}
	sign, met := "≥", ours >= m.bar*theirs
	if m.less {
		sign, met = "≤", ours <= m.bar*theirs
	}
	if met {
		return fmt.Sprintf("%s %.2g met", sign, m.bar)
	}
	return fmt.Sprintf("%s %.2g **missed**", sign, m.bar)
}

func (m metric) format(v float64) string {
	switch {
	case math.IsNaN(v):
		return "-"
	case math.Abs(v) >= 1000:
		return fmt.Sprintf("%.0f %s", v, m.unit)
	case math.Abs(v) >= 10:
		return fmt.Sprintf("%.1f %s", v, m.unit)
	}
	return fmt.Sprintf("%.2f %s", v, m.unit)
}

func (tb *table) print() {
	if len(tb.rows) == 0 {
		tb.t.Fatal("BENCH matches no part")
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%d processors, %s. Median (least to largest). Every topic: replication factor 3, min.insync.replicas 2; no codec; "+
		"flush policy: Kafka's default (no fsync of records). Each cluster worked %v before its speed was measured, and free memory "+
		"was touched before each round that fills the page cache; the other rounds began %v after such a one at the earliest. Load is the machine's, of one minute, before and after the part.\n\n",
		runtime.NumCPU(), tb.began.Format(time.DateTime), warmTime, restTime)
	out.WriteString("| part | what | klab | Apache 3.9 | klab / Apache | bar | setting |\n|---|---|---|---|---|---|---|\n")
	out.WriteString(strings.Join(tb.rows, "\n") + "\n\n")
	if len(tb.lost) == 0 {
		out.WriteString("Where klab loses: nowhere in this run.\n")
	} else {
		out.WriteString("Where klab loses:\n\n- " + strings.Join(tb.lost, "\n- ") + "\n")
	}
	fmt.Print("\n", out.String())
	if path := os.Getenv("BENCH_OUT"); path != "" {
		if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
			tb.t.Errorf("cannot write the table: %v", err)
		}
	}
}

// load is the machine's load average of one minute.
func load() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	one, _, _ := strings.Cut(string(data), " ")
	return one
}
