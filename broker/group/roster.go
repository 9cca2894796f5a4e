package group

import (
	"slices"
	"time"
)

// roster is the members of a group.
type roster struct {
	all       []*member // in the order in which they came
	byID      map[string]*member
	instances map[string]*member
	supports  map[string]int // how many members know a protocol
	waiting   int            // how many wait in a join
}

func (r *roster) size() int { return len(r.all) }

func (r *roster) get(id string) *member { return r.byID[id] }

// static finds who has an instance id now.
func (r *roster) static(instance string) (*member, bool) {
	m, ok := r.instances[instance]
	return m, ok
}

func (r *roster) add(m *member) {
	if r.byID == nil {
		r.byID, r.supports = map[string]*member{}, map[string]int{}
	}
	r.all = append(r.all, m)
	r.byID[m.id] = m
	if m.instance != nil {
		if r.instances == nil {
			r.instances = map[string]*member{}
		}
		r.instances[*m.instance] = m
	}
	r.count(m, 1)
	if m.join != nil {
		r.waiting++
	}
}

func (r *roster) remove(m *member) {
	r.all = slices.DeleteFunc(r.all, func(o *member) bool { return o == m })
	delete(r.byID, m.id)
	if m.instance != nil {
		delete(r.instances, *m.instance)
	}
	r.count(m, -1)
	if m.join != nil {
		r.waiting--
	}
}

// rename gives a static member another id.
func (r *roster) rename(m *member, id string) {
	delete(r.byID, m.id)
	m.id = id
	r.byID[id] = m
}

// setProtocols changes what a member can follow.
func (r *roster) setProtocols(m *member, protocols []Protocol) {
	r.count(m, -1)
	m.protocols = protocols
	r.count(m, 1)
}

// setJoin notes the join that a member waits in, or nil.
func (r *roster) setJoin(m *member, t Token) {
	if m.join != nil {
		r.waiting--
	}
	if m.join = t; t != nil {
		r.waiting++
	}
}

func (r *roster) count(m *member, by int) {
	for i := range m.protocols {
		r.supports[m.protocols[i].Name] += by
		if r.supports[m.protocols[i].Name] == 0 {
			delete(r.supports, m.protocols[i].Name)
		}
	}
}

// rebalanceTimeout is the largest of all members.
func (r *roster) rebalanceTimeout() (longest time.Duration) {
	for _, m := range r.all {
		longest = max(longest, m.rebalance)
	}
	return longest
}
