package cluster

import (
	"fmt"
	"strings"
	"time"
)

// Level is the answer to "is it well?".
type Level int

const (
	HealthUnknown   Level = iota // nothing fresh enough was read to say
	HealthOK                     // every broker is up, every replica in sync
	HealthAttention              // something is down, behind or without a leader
)

var levelNames = [...]string{"unknown", "ok", "attention"}

func (l Level) String() string { return levelNames[l] }

// MarshalText writes the level's name.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// Health sums up a snapshot. The counts are of what was last read, also when Level is HealthUnknown.
type Health struct {
	Level           Level
	Words           string // English; In gives other languages
	UpBrokers       int
	AllBrokers      int
	Controller      int32 // -1 none
	Partitions      int
	UnderReplicated int // fewer replicas in the ISR than assigned, but for those on their way; includes the offline ones
	Offline         int // without a leader
	UnderMinISR     int // ISR smaller than min.insync.replicas: acks=all is refused

	ControllerUnknown bool // Controller is -1 because a KRaft quorum does not tell its leader: no reason for alarm
}

// freshFor is how long metadata counts as fresh. Beyond it the cluster's health is unknown, not well.
const freshFor = 3 * time.Second

// judge computes the health of s as of now: the one place that does.
func judge(s *Snapshot, now time.Time) Health {
	h := Health{Controller: s.Controller, AllBrokers: len(s.Brokers), ControllerUnknown: s.KRaft && s.Controller < 0}
	for _, b := range s.Brokers {
		if b.State.Alive() {
			h.UpBrokers++
		}
	}
	for _, t := range s.Topics {
		for _, p := range t.Partitions {
			h.count(p)
		}
	}
	h.Level = h.level(s, now)
	h.Words = h.In(English)
	return h
}

func (h *Health) count(p Partition) {
	h.Partitions++
	if p.UnderReplicated() {
		h.UnderReplicated++
	}
	if p.Leader < 0 {
		h.Offline++
	}
	if p.MinISR > 0 && len(p.ISR) < p.MinISR {
		h.UnderMinISR++
	}
}

func (h *Health) level(s *Snapshot, now time.Time) Level {
	switch age := s.Age(now); {
	case age < 0 || age > freshFor && s.Err != nil:
		return HealthUnknown
	case h.UpBrokers < h.AllBrokers, h.Controller < 0 && !h.ControllerUnknown, h.UnderReplicated > 0, h.Offline > 0, h.UnderMinISR > 0:
		return HealthAttention
	}
	return HealthOK
}

// In says the health in one line of at most five short parts, divided by " · ".
func (h Health) In(lang Lang) string {
	w := healthWords[lang]
	parts := []string{fmt.Sprintf(w.brokers, h.UpBrokers, h.AllBrokers)}
	if h.Level == HealthUnknown {
		parts = []string{w.unknown}
		if h.AllBrokers > 0 {
			parts = append(parts, fmt.Sprintf(w.lastSeen, h.UpBrokers, h.AllBrokers))
		}
		return strings.Join(parts, " · ")
	}
	switch {
	case h.ControllerUnknown:
		parts = append(parts, w.hiddenController)
	case h.Controller < 0:
		parts = append(parts, w.noController)
	default:
		parts = append(parts, fmt.Sprintf(w.controller, h.Controller))
	}
	return strings.Join(append(parts, h.partitionWords(lang)...), " · ")
}

func (h Health) partitionWords(lang Lang) []string {
	w := healthWords[lang]
	var parts []string
	add := func(n int, one, many string) {
		switch {
		case n == 1:
			parts = append(parts, one)
		case n > 1:
			parts = append(parts, fmt.Sprintf(many, n))
		}
	}
	add(h.Offline, w.offline1, w.offline)
	add(h.UnderMinISR, w.minISR1, w.minISR)
	add(h.UnderReplicated, w.under1, w.under)
	if len(parts) == 0 && h.Partitions > 0 {
		add(h.Partitions, w.inSync1, w.inSync)
	}
	if len(parts) == 0 {
		parts = append(parts, w.noPartitions)
	}
	return parts
}

type healthPhrases struct {
	unknown, lastSeen, brokers, controller, noController, hiddenController, noPartitions string
	offline1, offline, minISR1, minISR, under1, under, inSync1, inSync                   string
}

var healthWords = map[Lang]healthPhrases{
	English: {
		unknown: "no broker answers", lastSeen: "last seen: %d of %d brokers",
		brokers: "%d of %d brokers", controller: "controller %d", noController: "no controller", hiddenController: "controller -", noPartitions: "no partitions yet",
		offline1: "1 partition without leader", offline: "%d partitions without leader",
		minISR1: "1 partition below min.insync.replicas", minISR: "%d partitions below min.insync.replicas",
		under1: "1 partition under-replicated", under: "%d partitions under-replicated",
		inSync1: "1 partition in sync", inSync: "%d partitions in sync",
	},
	Chinese: {
		unknown: "没有 broker 应答", lastSeen: "上次看到 %d/%d 个 broker",
		brokers: "%d/%d 个 broker", controller: "控制器 %d", noController: "没有控制器", hiddenController: "控制器 -", noPartitions: "还没有分区",
		offline1: "1 个分区没有领导者", offline: "%d 个分区没有领导者",
		minISR1: "1 个分区低于 min.insync.replicas", minISR: "%d 个分区低于 min.insync.replicas",
		under1: "1 个分区副本不足", under: "%d 个分区副本不足",
		inSync1: "1 个分区全部同步", inSync: "%d 个分区全部同步",
	},
}
