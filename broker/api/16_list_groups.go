package api

// ListGroups, versions 0 to 5. Every broker lists the groups that it coordinates.
//
//	v4 filter by state (KIP-518)
//	v5 filter by type (KIP-848); all groups are of the type classic
//
// No differences from Kafka 3.9.

import (
	"context"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/server"
)

// classic is the only type of group here.
const classic = "classic"

func (d *Deps) listGroups(_ context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.ListGroupsRequest)
	resp := kmsg.NewPtrListGroupsResponse()
	all, kerror := d.Groups.List()
	resp.ErrorCode = codeNumber(kerror)
	for _, l := range all {
		if !passes(req.StatesFilter, l.State.String()) || !passes(req.TypesFilter, classic) {
			continue
		}
		g := kmsg.NewListGroupsResponseGroup()
		g.Group, g.ProtocolType, g.GroupState, g.GroupType = l.ID, l.ProtocolType, l.State.String(), classic
		resp.Groups = append(resp.Groups, g)
	}
	return server.Now(resp)
}

// passes reports whether a filter lets a name through, whatever its case. An empty filter lets all through.
func passes(filter []string, name string) bool {
	return len(filter) == 0 || slices.ContainsFunc(filter, func(f string) bool { return strings.EqualFold(f, name) })
}
