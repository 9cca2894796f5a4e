package api

// AlterConfigs, versions 0 to 2: replaces all overrides of a resource. Superseded by IncrementalAlterConfigs (44).
//
// Differences from Kafka 3.9: no alter.config.policy.class.name; passwords (of TLS and SASL) cannot be stored.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/config"
	"klab/broker/server"
)

func (d *Deps) alterConfigs(ctx context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.AlterConfigsRequest)
	return d.later(ctx, r, func(ctx context.Context) kmsg.Response {
		type resource = kmsg.AlterConfigsRequestResource
		answers := eachResource(req.Resources, func(r *resource) (kmsg.ConfigResourceType, string) { return r.ResourceType, r.ResourceName },
			func(r *resource) *resourceError { return d.changeConfig(ctx, replacement(r), req.ValidateOnly) })
		resp := kmsg.NewPtrAlterConfigsResponse()
		for i, err := range answers {
			out := kmsg.NewAlterConfigsResponseResource()
			out.ResourceType, out.ResourceName = req.Resources[i].ResourceType, req.Resources[i].ResourceName
			out.ErrorCode, out.ErrorMessage = err.answer()
			resp.Resources = append(resp.Resources, out)
		}
		return resp
	})
}

func replacement(r *kmsg.AlterConfigsRequestResource) *change {
	c := &change{kind: r.ResourceType, name: r.ResourceName}
	for _, k := range r.Configs {
		if k.Value == nil {
			c.nulls = append(c.nulls, k.Name)
			continue
		}
		c.edits = append(c.edits, config.Edit{Kind: config.Set, Name: k.Name, Value: *k.Value})
	}
	return c
}
