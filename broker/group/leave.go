package group

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Leave is a LeaveGroup request. It returns COORDINATOR_NOT_AVAILABLE for all, or what became of each.
func (g *Group) Leave(now time.Time, leaving []Leaving) (whole *kerr.Error, each []*kerr.Error, out Effects) {
	if g.state == Dead {
		return kerr.CoordinatorNotAvailable, nil, Effects{}
	}
	each = make([]*kerr.Error, len(leaving))
	for i := range leaving {
		each[i] = g.leave(now, &leaving[i])
	}
	return nil, each, g.settle(now)
}

func (g *Group) leave(now time.Time, l *Leaving) *kerr.Error {
	id := l.MemberID
	if id == "" { // an administrator, who knows the instance
		if l.InstanceID == nil {
			return kerr.UnknownMemberID
		}
		m, ok := g.members.static(*l.InstanceID)
		if !ok {
			return kerr.UnknownMemberID
		}
		id = m.id
	} else if _, ok := g.pending[id]; ok {
		delete(g.pending, id)
		g.completeJoin(now)
		return nil
	} else if err := g.checkMember(id, l.InstanceID); err != nil {
		return err
	}
	g.removeMember(now, g.members.get(id), MemberLeft, "left", l.Reason)
	return nil
}
