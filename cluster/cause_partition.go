package cluster

import (
	"slices"
	"time"
)

// changesKept is how many changes of a partition are kept: facts of a leader epoch come milliseconds after it began.
const changesKept = 4

// changes is what began a partition's newest leader epochs, oldest first. An election tells its epoch. A leaving of the ISR
// does not, but the controller begins an epoch with each one that it decides itself; a growth of the ISR never begins one.
type changes struct {
	list    []change
	epoch   int64   // the newest one; -1 unknown
	members []int32 // of the ISR
	offline bool
}

// change began a leader epoch.
type change struct {
	epoch   int64 // -1 unknown
	certain bool  // the controller told of the epoch
	at      time.Time
	from    mark // what it followed from; the change itself when nothing is known
}

// add takes a fact of the partition, with what it followed from.
func (p *changes) add(f *Fact, cause mark) {
	if cause.seq == 0 {
		cause = mark{f.Seq, f.Time}
	}
	epoch, _ := f.Int("epoch")
	switch f.Kind {
	case KindLeaderElected:
		p.members, p.offline = f.Ints("isr"), false
		p.begin(change{epoch, true, f.Time, cause})
	case KindPartitionOffline:
		p.members, p.offline = f.Ints("isr"), true
	case KindISRGrown:
		p.members = f.Ints("new")
	case KindISRShrunk:
		p.members = f.Ints("new")
		epoch = p.epoch
		if epoch >= 0 && f.Time.After(p.changed()) {
			epoch++
		}
		p.begin(change{epoch, false, f.Time, cause})
	case KindReplicaLeader:
		p.offline = p.offline && epoch <= p.epoch
		p.learn(change{epoch, false, f.Time, cause})
	}
}

func (p *changes) begin(c change) {
	if len(p.list) == changesKept {
		p.list = slices.Delete(p.list, 0, 1)
	}
	p.list = append(p.list, c)
	p.epoch = c.epoch
}

// learn takes what a leader tells of its epoch, where the controller's word is not known or has not come yet.
func (p *changes) learn(c change) {
	switch _, known := p.begun(c.epoch); {
	case !known && c.epoch > p.epoch:
		p.begin(c)
	case known && p.epoch < 0:
		p.list[len(p.list)-1].epoch, p.epoch = c.epoch, c.epoch
	}
}

// begun returns the newest change that began epoch. While no epoch is known at all that is the newest change.
func (p *changes) begun(epoch int64) (change, bool) {
	for _, c := range slices.Backward(p.list) {
		if c.epoch == epoch || c.epoch < 0 {
			return c, true
		}
	}
	return change{}, false
}

// last returns the newest change; the zero change when there is none.
func (p *changes) last() change {
	if len(p.list) == 0 {
		return change{}
	}
	return p.list[len(p.list)-1]
}

// changed is when the newest leader epoch that is known began.
func (p *changes) changed() time.Time { return p.last().at }
