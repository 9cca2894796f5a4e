// Package loglevel gives the parts of a broker loggers with names, whose levels can be changed while it runs (KIP-412).
//
// Names and levels are Kafka's: a name with dots has as its parents the names before each dot, and root above all. A logger
// without a level of its own has its nearest parent's; root always has one. Only loggers that some part of the broker writes
// to exist, and their parents "kafka" and "root".
package loglevel

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Root is the parent of all loggers.
const Root = "root"

// levels are Kafka's, that is log4j's, in the order in which its error message lists them.
var levels = []struct {
	name  string
	level slog.Level
}{
	{"DEBUG", slog.LevelDebug}, {"ERROR", slog.LevelError}, {"FATAL", slog.LevelError + 4}, {"INFO", slog.LevelInfo}, {"TRACE", slog.LevelDebug - 4}, {"WARN", slog.LevelWarn},
}

// LevelNames lists the levels there are.
func LevelNames() []string {
	names := make([]string, len(levels))
	for i := range levels {
		names[i] = levels[i].name
	}
	return names
}

// Levels are the levels of one broker's loggers. Safe for concurrent use.
type Levels struct {
	base slog.Handler

	mu      sync.Mutex
	own     map[string]slog.Level     // levels that somebody set; root's always
	loggers map[string]*slog.LevelVar // effective levels, of root, kafka and all that were asked for
}

// New returns loggers that write to base, at level INFO.
func New(base slog.Handler) *Levels {
	l := &Levels{base: base, own: map[string]slog.Level{Root: slog.LevelInfo}, loggers: make(map[string]*slog.LevelVar)}
	l.loggers[Root], l.loggers["kafka"] = new(slog.LevelVar), new(slog.LevelVar)
	return l
}

// Logger returns the logger of that name; it exists from now on.
func (l *Levels) Logger(name string) *slog.Logger {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.loggers[name] == nil {
		l.loggers[name] = new(slog.LevelVar)
		l.loggers[name].Set(l.effective(name))
	}
	return slog.New(handler{l.base, l.loggers[name]})
}

// All returns the loggers with their effective levels.
func (l *Levels) All() map[string]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make(map[string]string, len(l.loggers))
	for name, v := range l.loggers {
		all[name] = nameOf(v.Level())
	}
	return all
}

// Exists reports whether there is such a logger.
func (l *Levels) Exists(name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.loggers[name] != nil
}

// Set gives a logger a level of its own. It fails when there is no such level or logger.
func (l *Levels) Set(name, level string) error {
	i := slices.Index(LevelNames(), level)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case i < 0:
		return fmt.Errorf("cannot set the level of logger %s: %q is none of %s", name, level, strings.Join(LevelNames(), ", "))
	case l.loggers[name] == nil:
		return fmt.Errorf("cannot set the level of logger %s: there are only %s", name, strings.Join(slices.Sorted(maps.Keys(l.loggers)), ", "))
	}
	l.own[name] = levels[i].level
	l.apply()
	return nil
}

// Reset takes a logger's own level away. Root keeps what it has.
func (l *Levels) Reset(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if name != Root {
		delete(l.own, name)
		l.apply()
	}
}

// apply works out the effective levels. The caller holds l.mu.
func (l *Levels) apply() {
	for name, v := range l.loggers {
		v.Set(l.effective(name))
	}
}

// effective is the level that the nearest of a logger and its parents has. The caller holds l.mu.
func (l *Levels) effective(name string) slog.Level {
	for {
		if level, ok := l.own[name]; ok {
			return level
		}
		dot := strings.LastIndexByte(name, '.')
		if dot < 0 {
			return l.own[Root]
		}
		name = name[:dot]
	}
}

func nameOf(level slog.Level) string {
	for _, v := range levels {
		if v.level == level {
			return v.name
		}
	}
	return level.String()
}

// handler lets through what its level allows. Its base's own level is not asked, so that a logger can be more talkative; a
// base that discards even errors gets nothing.
type handler struct {
	slog.Handler
	level *slog.LevelVar
}

func (h handler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= h.level.Level() && h.Handler.Enabled(ctx, slog.LevelError)
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs), h.level}
}

func (h handler) WithGroup(name string) slog.Handler {
	return handler{h.Handler.WithGroup(name), h.level}
}
