package cluster

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Planner makes reassignment plans that move as little as it takes. It is a value: topics and brokers go in, plans come out.
type Planner struct {
	Topics  []Topic  // to plan for
	Brokers []Broker // those that may hold replicas

	all   []Topic // whose replicas are the brokers' load; nil: Topics
	whole bool    // nobody chose among the topics: what empties a broker is for Kafka's own too
}

// NewPlanner plans for some partitions of a snapshot, a topic without partitions meaning all of it, or for all topics but the
// internal ones, on the brokers that are up.
func NewPlanner(s *Snapshot, chosen ...TopicPartitions) (Planner, error) {
	p := Planner{all: s.Topics, whole: len(chosen) == 0}
	for _, b := range s.Brokers {
		if b.State.Alive() {
			p.Brokers = append(p.Brokers, b)
		}
	}
	for _, c := range chosen {
		t, ok := s.Topic(c.Topic)
		if !ok {
			return p, fmt.Errorf("there is no topic %s: see klab topic list", c.Topic)
		}
		some, err := t.some(c.Partitions)
		if err != nil {
			return p, err
		}
		p.Topics = append(p.Topics, some)
	}
	if p.whole {
		p.Topics = slices.DeleteFunc(slices.Clone(s.Topics), func(t Topic) bool { return t.Internal })
	}
	return p, nil
}

// some is the topic with these partitions alone; none are all.
func (t Topic) some(ids []int32) (Topic, error) {
	for _, id := range ids {
		if !slices.ContainsFunc(t.Partitions, func(p Partition) bool { return p.ID == id }) {
			return t, fmt.Errorf("topic %s has no partition %d, only 0 to %d", t.Name, id, len(t.Partitions)-1)
		}
	}
	if len(ids) > 0 {
		t.Partitions = slices.DeleteFunc(slices.Clone(t.Partitions), func(p Partition) bool { return !slices.Contains(ids, p.ID) })
	}
	return t, nil
}

// placement is the load of the brokers while a plan is made.
type placement struct {
	brokers []Broker // in order of their ids
	holds   map[int32]int
	first   map[int32]int // partitions of which it is the preferred leader
	moves   []*Move
}

// place puts the partitions to plan for where they are. What else the brokers hold is load that stays.
func (p Planner) place() *placement {
	at := &placement{brokers: slices.Clone(p.Brokers), holds: map[int32]int{}, first: map[int32]int{}}
	for _, t := range p.Topics {
		for _, part := range t.Partitions {
			at.moves = append(at.moves, &Move{Topic: t.Name, Partition: part.ID, From: part.Replicas, To: slices.Clone(part.Replicas)})
		}
	}
	for _, t := range p.load() {
		for _, part := range t.Partitions {
			for _, id := range part.Replicas {
				at.holds[id]++
			}
			if len(part.Replicas) > 0 {
				at.first[part.Replicas[0]]++
			}
		}
	}
	return at
}

func (p Planner) load() []Topic {
	if p.all == nil {
		return p.Topics
	}
	return p.all
}

// plan is what differs from how it is.
func (at *placement) plan() ReassignPlan {
	var plan ReassignPlan
	for _, m := range at.moves {
		if !slices.Equal(m.From, m.To) {
			plan = append(plan, *m)
		}
	}
	return plan
}

// best is the broker that should get the next replica of m: of another rack than the others if there is one, then the one
// that holds least, then the one with the lowest id.
func (at *placement) best(m *Move, except ...int32) (int32, bool) {
	racks := map[string]bool{}
	for _, id := range m.To {
		if !slices.Contains(except, id) {
			racks[at.rack(id)] = true
		}
	}
	free := slices.DeleteFunc(slices.Clone(at.brokers), func(b Broker) bool {
		return slices.Contains(m.To, b.ID) || slices.Contains(except, b.ID)
	})
	if len(free) == 0 {
		return 0, false
	}
	taken := func(b Broker) int {
		if b.Rack != "" && racks[b.Rack] {
			return 1
		}
		return 0
	}
	b := slices.MinFunc(free, func(a, b Broker) int {
		return cmp.Or(cmp.Compare(taken(a), taken(b)), cmp.Compare(at.holds[a.ID], at.holds[b.ID]), cmp.Compare(a.ID, b.ID))
	})
	return b.ID, true
}

func (at *placement) rack(id int32) string {
	for _, b := range at.brokers {
		if b.ID == id {
			return b.Rack
		}
	}
	return ""
}

// replace puts a broker in another's place.
func (at *placement) replace(m *Move, i int, with int32) {
	if i == 0 {
		at.first[m.To[0]]--
		at.first[with]++
	}
	at.holds[m.To[i]]--
	at.holds[with]++
	m.To[i] = with
}

// lead makes the replica at i the preferred leader.
func (at *placement) lead(m *Move, i int) {
	at.first[m.To[0]]--
	m.To[0], m.To[i] = m.To[i], m.To[0]
	at.first[m.To[0]]++
}

// RemoveBroker moves every replica off a broker, each to the broker that holds least: also those of internal topics, unless the
// plan is for chosen ones.
func (p Planner) RemoveBroker(id int32) (ReassignPlan, error) {
	if p.whole {
		p.Topics = p.all
	}
	at := p.place()
	if at.holds[id] == 0 && !slices.ContainsFunc(p.Brokers, func(b Broker) bool { return b.ID == id }) {
		return nil, fmt.Errorf("broker %d is not up and holds no replica: see klab status", id)
	}
	at.brokers = slices.DeleteFunc(at.brokers, func(b Broker) bool { return b.ID == id })
	for _, m := range at.moves {
		i := slices.Index(m.To, id)
		if i < 0 {
			continue
		}
		to, ok := at.best(m, id)
		if !ok {
			return nil, fmt.Errorf("%s/%d has %d replicas and only %d brokers would be left: lower its replication factor first", m.Topic, m.Partition, len(m.To), len(at.brokers))
		}
		at.replace(m, i, to)
	}
	return at.plan(), nil
}

// ReplicationFactor gives every partition so many replicas. New ones go where least is; those taken away are never the
// preferred leader's, and the ones that hold most go first.
func (p Planner) ReplicationFactor(n int) (ReassignPlan, error) {
	if n < 1 || n > len(p.Brokers) {
		return nil, fmt.Errorf("the replication factor must be 1 to %d: each replica needs a broker of its own", len(p.Brokers))
	}
	at := p.place()
	for _, m := range at.moves {
		for len(m.To) > n {
			i := 1 + maxIndex(m.To[1:], func(id int32) int { return at.holds[id] })
			at.holds[m.To[i]]--
			m.To = slices.Delete(m.To, i, i+1)
		}
		for len(m.To) < n {
			to, ok := at.best(m)
			if !ok {
				break
			}
			at.holds[to]++
			m.To = append(m.To, to)
		}
	}
	return at.plan(), nil
}

func maxIndex(ids []int32, of func(int32) int) int {
	best := 0
	for i, id := range ids {
		if of(id) >= of(ids[best]) {
			best = i
		}
	}
	return best
}

// Balance evens out how many replicas each of the brokers holds, and then of how many partitions each is the preferred
// leader. A broker that was added gets its share; one that is not among the brokers gives everything away.
func (p Planner) Balance(brokers ...int32) (ReassignPlan, error) {
	at := p.place()
	if len(brokers) > 0 {
		at.brokers = slices.DeleteFunc(at.brokers, func(b Broker) bool { return !slices.Contains(brokers, b.ID) })
		if len(at.brokers) != len(brokers) {
			return nil, errors.New("one of these brokers is not up: see klab status")
		}
	}
	if len(at.brokers) == 0 {
		return nil, errors.New("no broker is up")
	}
	for _, m := range at.moves {
		for i, id := range m.To {
			if slices.ContainsFunc(at.brokers, func(b Broker) bool { return b.ID == id }) {
				continue
			}
			to, ok := at.best(m, id)
			if !ok {
				return nil, fmt.Errorf("%s/%d has %d replicas, more than the %d brokers", m.Topic, m.Partition, len(m.To), len(at.brokers))
			}
			at.replace(m, i, to)
		}
	}
	for at.evenReplicas() {
	}
	at.evenLeaders()
	return at.plan(), nil
}

// evenReplicas moves one replica from the broker that holds most to the one that holds least; false when none may move.
func (at *placement) evenReplicas() bool {
	by := slices.Clone(at.brokers)
	slices.SortStableFunc(by, func(a, b Broker) int { return at.holds[b.ID] - at.holds[a.ID] })
	for _, most := range by {
		for _, least := range slices.Backward(by) {
			if at.holds[most.ID]-at.holds[least.ID] < 2 {
				break
			}
			if at.shift(most.ID, least) {
				return true
			}
		}
	}
	return false
}

// shift moves one replica, rather a follower, unless that would put two of a partition into one rack.
func (at *placement) shift(from int32, to Broker) bool {
	var found *Move
	index := -1
	for _, m := range at.moves {
		i := slices.Index(m.To, from)
		if i < 0 || slices.Contains(m.To, to.ID) || at.crowds(m, from, to) {
			continue
		}
		if found == nil || index == 0 && i > 0 {
			found, index = m, i
		}
		if index > 0 {
			break
		}
	}
	if found == nil {
		return false
	}
	at.replace(found, index, to.ID)
	return true
}

func (at *placement) crowds(m *Move, from int32, to Broker) bool {
	return to.Rack != "" && slices.ContainsFunc(m.To, func(id int32) bool { return id != from && at.rack(id) == to.Rack })
}

// evenLeaders makes replicas change places until no broker leads two partitions more than another that could lead one.
func (at *placement) evenLeaders() {
	for again := true; again; {
		again = false
		for _, m := range at.moves {
			for i := 1; i < len(m.To); i++ {
				if at.first[m.To[0]]-at.first[m.To[i]] >= 2 {
					at.lead(m, i)
					again = true
				}
			}
		}
	}
}

// ErrNoBrokers is the error of a plan for which brokers, or a number, are to be given.
var ErrNoBrokers = errors.New("give what the way to move asks for: brokers as in 2,3,1, one broker, or a number of replicas")

// Replicas gives every partition exactly these replicas, in this order.
func (p Planner) Replicas(ids ...int32) (ReassignPlan, error) {
	for i, id := range ids {
		if slices.Contains(ids[:i], id) {
			return nil, fmt.Errorf("broker %d is named twice: each replica needs a broker of its own", id)
		}
		if !slices.ContainsFunc(p.Brokers, func(b Broker) bool { return b.ID == id }) {
			return nil, fmt.Errorf("broker %d is not up: see klab status", id)
		}
	}
	at := p.place()
	for _, m := range at.moves {
		m.To = slices.Clone(ids)
	}
	return at.plan(), nil
}
