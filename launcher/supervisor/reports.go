package supervisor

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"klab/launcher/event"
	"klab/launcher/link"
)

// readReports takes what r reports until it ends. What is no report goes to the log: a stray print must not be lost, and
// must not stop the child by filling its pipe. A line longer than any report is passed over, so that those after it are heard.
func (p *process) readReports(r *run) {
	lines := newLineReader(r.pipes.reports, link.MaxLine)
	for {
		line, length, err := lines.next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			p.log.line("cannot read the reports of " + p.target.String() + " any more: " + err.Error())
			return
		}
		var report link.Report
		switch {
		case length > link.MaxLine:
			p.log.line(fmt.Sprintf("passed over a line of %d bytes on standard output: no report is longer than %d; it begins: %s", length, link.MaxLine, line[:event.MaxText]))
		case json.Unmarshal(line, &report) != nil:
			p.log.lines(line)
		default:
			p.report(r, report, time.Now())
		}
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
