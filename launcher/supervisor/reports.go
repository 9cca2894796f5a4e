package supervisor

import (
	"bufio"
	"encoding/json"
	"io"
	"time"

	"klab/launcher/event"
	"klab/launcher/link"
)

// maxEventBytes bounds one event as JSON: it came over a link, and gained a number.
const maxEventBytes = link.MaxLine + 1024

// readReports takes what r reports until it ends. What is no report goes to the log: a stray print must not be lost, and
// must not stop the child by filling its pipe.
func (p *process) readReports(r *run) {
	lines := bufio.NewScanner(r.pipes.reports)
	lines.Buffer(make([]byte, 4096), link.MaxLine)
	for lines.Scan() {
		var report link.Report
		if err := json.Unmarshal(lines.Bytes(), &report); err != nil {
			p.log.line(lines.Text())
			continue
		}
		p.report(r, report, time.Now())
	}
	if err := lines.Err(); err != nil {
		p.log.line("cannot read the reports of " + p.target.String() + " any more: " + err.Error())
		_, _ = io.Copy(io.Discard, r.pipes.reports)
	}
}

func (p *process) report(r *run, report link.Report, at time.Time) {
	switch {
	case report.Ready:
		p.becameReady(r, at)
	case report.Failed != nil:
		p.mu.Lock()
		r.failure = report.Failed
		p.mu.Unlock()
	case report.Event != nil:
		p.told(p.target, p.fact(*report.Event, at))
	}
}

// fact is an event as a child reported it, with what only the supervisor can say.
func (p *process) fact(e event.Event, at time.Time) event.Event {
	e.Seq, e.Source, e.By, e.Cause = 0, p.target.String(), "", 0
	if e.Time.IsZero() {
		e.Time = at
	}
	return e
}
