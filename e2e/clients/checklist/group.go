package checklist

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// seats is the number of members, partitions what they share.
const (
	seats      = 3
	partitions = 6
)

func (s suite) groupChecks() []check {
	return []check{
		{"group-eager", func(ctx context.Context) error { return s.dynamicGroup(ctx, "group-eager", false) }},
		{"group-cooperative", func(ctx context.Context) error { return s.dynamicGroup(ctx, "group-cooperative", true) }},
		{"group-static", s.staticGroup},
	}
}

// party is a group of this run with its members.
type party struct {
	suite
	seat    Seat
	members []attendee
	sent    int
}

type attendee struct {
	Member
	diary *Diary
}

func (s suite) party(ctx context.Context, name string, cooperative bool) (*party, error) {
	p := &party{suite: s, seat: Seat{Group: s.name(name), Topic: s.name(name), Cooperative: cooperative}}
	return p, s.client.CreateTopic(ctx, p.seat.Topic, partitions, nil)
}

func (p *party) join(ctx context.Context, instance string) error {
	seat := p.seat
	seat.Instance = instance
	diary := new(Diary)
	member, err := p.client.Join(ctx, seat, diary)
	if err != nil {
		return fmt.Errorf("cannot join: %w", err)
	}
	p.members = append(p.members, attendee{member, diary})
	return nil
}

func (p *party) drop(i int) attendee {
	gone := p.members[i]
	p.members = slices.Delete(p.members, i, i+1)
	return gone
}

// settles waits until the members share all partitions evenly, then has records reach exactly those who hold them.
func (p *party) settles(ctx context.Context, when string) error {
	err := until(ctx, fmt.Sprintf("%s, %d members share %d partitions", when, len(p.members), partitions), p.even)
	if err != nil {
		return err
	}
	return p.delivers(ctx, when)
}

func (p *party) even() (bool, error) {
	var all []int32
	var held [][]int32
	for _, m := range p.members {
		if err := m.diary.failed(); err != nil {
			return false, err
		}
		held = append(held, m.diary.held())
		all = append(all, m.diary.held()...)
	}
	slices.Sort(all)
	even := len(slices.Compact(slices.Clone(all))) == partitions && len(all) == partitions
	for _, h := range held {
		even = even && len(h) == partitions/len(p.members)
	}
	return even, fmt.Errorf("they hold %v", held)
}

// delivers writes to every partition and waits until all of it was consumed.
func (p *party) delivers(ctx context.Context, when string) error {
	batch := messages(10*partitions, fmt.Sprintf("part-%d", p.sent), time.Now())
	p.sent++
	for i := range batch {
		batch[i].Partition = int32(i % partitions)
	}
	if err := p.client.Produce(ctx, p.seat.Topic, Producing{Codec: "none"}, batch); err != nil {
		return fmt.Errorf("%s: cannot produce: %w", when, err)
	}
	return until(ctx, when+", all messages are consumed", func() (bool, error) {
		for _, m := range batch {
			if !slices.ContainsFunc(p.members, func(a attendee) bool { return a.diary.saw(string(m.Value)) }) {
				return false, fmt.Errorf("%.20q of partition %d is not", m.Value, m.Partition)
			}
		}
		return true, nil
	})
}

func (p *party) revoked() int {
	sum := 0
	for _, m := range p.members {
		_, n := m.diary.counts()
		sum += n
	}
	return sum
}

func (p *party) leave() {
	for _, m := range p.members {
		m.Leave()
	}
}

// dynamicGroup has three members, kills one, adds one, and lets one leave.
func (s suite) dynamicGroup(ctx context.Context, name string, cooperative bool) error {
	p, err := s.party(ctx, name, cooperative)
	if err != nil {
		return err
	}
	defer p.leave()
	for range seats {
		if err := p.join(ctx, ""); err != nil {
			return err
		}
	}
	if err := p.settles(ctx, "at first"); err != nil {
		return err
	}
	killed := p.drop(1)
	before := p.revoked()
	killed.Kill()
	if err := p.settles(ctx, "after a kill"); err != nil {
		return err
	}
	if taken := p.revoked() - before; cooperative && taken > 0 {
		return fmt.Errorf("a cooperative rebalance after a kill took %d partitions away", taken)
	}
	before = p.revoked()
	if err := p.join(ctx, ""); err != nil {
		return err
	}
	if err := p.settles(ctx, "after one joined"); err != nil {
		return err
	}
	if taken := p.revoked() - before; cooperative && taken > 2 {
		return fmt.Errorf("a cooperative rebalance for a new member took %d partitions away, want the two it got", taken)
	}
	p.drop(0).Leave()
	return p.settles(ctx, "after one left")
}

// staticGroup restarts each of three static members: each gets its partitions back and the others notice nothing.
func (s suite) staticGroup(ctx context.Context) error {
	p, err := s.party(ctx, "group-static", false)
	if err != nil {
		return err
	}
	defer p.leave()
	instances := []string{"a", "b", "c"}
	for _, id := range instances {
		if err := p.join(ctx, id); err != nil {
			return err
		}
	}
	if err := p.settles(ctx, "at first"); err != nil {
		return err
	}
	for range instances {
		if err := p.restart(ctx, &instances); err != nil {
			return err
		}
	}
	return nil
}

// restart takes the member at the front and sits it at the end.
func (p *party) restart(ctx context.Context, instances *[]string) error {
	id := (*instances)[0]
	*instances = append((*instances)[1:], id)
	gone := p.drop(0)
	held := gone.diary.held()
	before := p.rebalances()
	gone.Leave()
	if err := p.join(ctx, id); err != nil {
		return err
	}
	if err := p.settles(ctx, "after a restart of "+id); err != nil {
		return err
	}
	if now := p.members[len(p.members)-1].diary.held(); !slices.Equal(now, held) {
		return fmt.Errorf("static member %s held %v and got %v after its restart", id, held, now)
	}
	if after := p.rebalances(); !slices.Equal(before, after[:len(before)]) {
		return errors.New("the others rebalanced when static member " + id + " restarted")
	}
	return nil
}

func (p *party) rebalances() []int {
	var all []int
	for _, m := range p.members {
		n, _ := m.diary.counts()
		all = append(all, n)
	}
	return all
}
