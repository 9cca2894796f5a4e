package api

// DeleteGroups, versions 0 to 2: removes groups without members, and their offsets (KIP-229).
//
// No differences from Kafka 3.9.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/server"
)

func (d *Deps) deleteGroups(_ context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.DeleteGroupsRequest)
	resp := kmsg.NewPtrDeleteGroupsResponse()
	seen := map[string]bool{}
	for _, id := range req.Groups {
		if seen[id] {
			continue
		}
		seen[id] = true
		g := kmsg.NewDeleteGroupsResponseGroup()
		g.Group, g.ErrorCode = id, codeNumber(d.Groups.Delete(id))
		resp.Groups = append(resp.Groups, g)
	}
	return server.Now(resp)
}
