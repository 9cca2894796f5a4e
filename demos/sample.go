package demos

import (
	"fmt"
	"strconv"
	"time"

	"klab/cluster"
)

// fresh is how old a sample may be and still count.
const fresh = 2 * time.Second

// topicPrefix marks the topics that a lesson made, so that it never touches a person's own.
const topicPrefix = "demo."

// sample is one Frame: the newest snapshot and the actors' ledgers at one moment.
type sample struct {
	now       time.Time
	snapshot  *cluster.Snapshot
	producers map[string]*producer
	readers   map[string]*reader
}

// Value returns an observable, unknown where its sample is too old.
func (s sample) Value(name string, args []string) Value {
	v := s.read(name, args)
	if v.Known && s.now.Sub(v.At) > fresh {
		v.Known = false
		v.Note = fmt.Sprintf("the newest sample is %.1f s old", s.now.Sub(v.At).Seconds())
	}
	return v
}

func (s sample) read(name string, args []string) Value {
	switch name {
	case "leader", "isr", "epoch", "preferred":
		return s.metadata(name, args[0])
	case "hw", "log_start":
		return s.offset(name, args[0])
	case "leo", "log_bytes":
		return s.replica(name, args[0], args[1])
	case "alive":
		return s.alive(args[0])
	case "controller":
		return Value{Known: !s.snapshot.At.IsZero(), Number: float64(s.snapshot.Controller), At: s.snapshot.At}
	case "lost", "repeats", "disorder":
		return s.audit(name, args[0], args[1])
	}
	return s.actor(name, args[0])
}

func (s sample) partition(text string) (cluster.Partition, bool) {
	topic, id, err := splitPartition(text)
	if err != nil {
		return cluster.Partition{}, false
	}
	return s.snapshot.Partition(topicPrefix+topic, id)
}

// metadata reads what the controller told the brokers; a leader whose process is dead gets a note that says so.
func (s sample) metadata(name, text string) Value {
	p, ok := s.partition(text)
	v := Value{Known: ok, At: s.snapshot.At}
	switch name {
	case "leader":
		v.Number = float64(p.Leader)
		if b, known := s.snapshot.Broker(p.Leader); ok && known && dead(b) {
			v.Note = fmt.Sprintf("%s has had no leader since %s: broker %d is %s and no other was elected",
				text, b.Since.Format("15:04:05.000"), b.ID, b.State)
		}
		if ok && p.Leader < 0 {
			v.Note = text + " has no leader" + s.leaderlessSince(text)
		}
	case "isr":
		v.IsSet, v.Set = true, p.ISR
	case "epoch":
		v.Number, v.Known = float64(p.Epoch), ok && p.Epoch >= 0
	case "preferred":
		if v.Known = ok && len(p.Replicas) > 0; v.Known {
			v.Number = float64(p.Replicas[0])
		}
	}
	return v
}

func dead(b cluster.Broker) bool {
	return b.State == cluster.BrokerKilled || b.State == cluster.BrokerDown
}

// leaderlessSince says since when, as far as a broker's end tells it.
func (s sample) leaderlessSince(text string) string {
	p, _ := s.partition(text)
	for _, id := range p.Replicas {
		if b, ok := s.snapshot.Broker(id); ok && dead(b) && !b.Since.IsZero() {
			return fmt.Sprintf(" since broker %d went at %s", id, b.Since.Format("15:04:05.000"))
		}
	}
	return ""
}

func (s sample) offset(name, text string) Value {
	p, ok := s.partition(text)
	n := p.HighWatermark
	if name == "log_start" {
		n = p.LogStart
	}
	return Value{Known: ok && n >= 0, Number: float64(n), At: p.At}
}

func (s sample) replica(name, text, broker string) Value {
	p, ok := s.partition(text)
	id, err := strconv.ParseInt(broker, 10, 32)
	log, has := p.LogOf(int32(id))
	n := log.EndOffset
	if name == "log_bytes" {
		n = log.Bytes
	}
	return Value{Known: ok && err == nil && has && n >= 0, Number: float64(n), At: log.At}
}

func (s sample) alive(broker string) Value {
	id, err := strconv.ParseInt(broker, 10, 32)
	b, ok := s.snapshot.Broker(int32(id))
	v := Value{Known: err == nil && ok && b.State != cluster.BrokerUnknown, At: s.snapshot.At}
	if b.State.Alive() {
		v.Number = 1
	}
	return v
}

// actor reads a producer's or a reader's own count: always fresh.
func (s sample) actor(name, id string) Value {
	v := Value{Known: true, At: s.now}
	if p, ok := s.producers[id]; ok {
		p.mu.Lock()
		defer p.mu.Unlock()
		switch name {
		case "acked":
			v.Number = float64(len(p.ledger.acks))
		case "refused":
			v.Number = float64(p.ledger.refused)
			if p.ledger.refusal != nil {
				v.Note = p.ledger.refusal.Error()
			}
		case "silent_ms":
			v.Known = !p.ledger.lastAck.IsZero()
			v.Number = float64(s.now.Sub(p.ledger.lastAck).Milliseconds())
		case "gap_ms":
			v.Number = float64(p.ledger.stepGap.Milliseconds())
		}
		return v
	}
	if r, ok := s.readers[id]; ok {
		r.mu.Lock()
		defer r.mu.Unlock()
		switch name {
		case "read":
			v.Number = float64(r.reading.read)
		case "position":
			v.Number, v.Known = float64(r.reading.position()), len(r.reading.next) > 0
		}
		return v
	}
	return Value{Note: "there is no actor " + id}
}

func (s sample) audit(name, writer, auditor string) Value {
	p, ok := s.producers[writer]
	r, ok2 := s.readers[auditor]
	if !ok || !ok2 {
		return Value{Note: fmt.Sprintf("there is no producer %s or no reader %s", writer, auditor)}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.reading.disorder
	switch name {
	case "lost":
		n = r.reading.lost(p.ledger)
	case "repeats":
		n = r.reading.repeats
	}
	return Value{Known: true, Number: float64(n), At: s.now}
}
