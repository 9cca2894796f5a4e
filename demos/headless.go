package demos

import (
	"context"
	"time"
)

// Report is what a headless run found.
type Report struct {
	Lesson  string       `json:"lesson"`
	Lang    string       `json:"lang"`
	Outcome string       `json:"outcome"`
	Failure string       `json:"failure,omitempty"`
	Began   time.Time    `json:"began"`
	Millis  int64        `json:"duration_ms"`
	Cluster string       `json:"cluster_id"`
	Steps   []StepResult `json:"steps"`

	outcome Outcome
}

// Exit codes of a headless run.
const (
	ExitPassed      = 0
	ExitExpectation = 1
	ExitTimeout     = 2
	ExitEnvironment = 3
	ExitBadFile     = 4
)

// ExitCode is the process's exit code for this report.
func (r Report) ExitCode() int {
	switch r.outcome {
	case Passed:
		return ExitPassed
	case TimedOut:
		return ExitTimeout
	case Broken:
		return ExitExpectation
	}
	return ExitEnvironment
}

// RunHeadless runs a lesson to its end, clean-up included, and reports.
func RunHeadless(ctx context.Context, o Options) Report {
	o.Mode = Headless
	report := Report{Lesson: o.File.ID, Lang: o.Lang, Began: time.Now(), outcome: Environment}
	run, err := Start(ctx, o)
	if err != nil {
		report.Outcome, report.Failure = report.outcome.String(), err.Error()
		return report
	}
	<-run.Done()
	run.mu.Lock()
	defer run.mu.Unlock()
	report.Millis = time.Since(report.Began).Milliseconds()
	report.Cluster = o.Cluster.Snapshot().ClusterID
	report.Steps, report.outcome, report.Failure = run.script.Results(), run.script.Outcome(), run.script.Failure()
	if run.err != nil {
		report.Failure = run.failure()
		if report.outcome == Passed || report.outcome == Underway {
			report.outcome = Environment
		}
	}
	report.Outcome = report.outcome.String()
	return report
}
