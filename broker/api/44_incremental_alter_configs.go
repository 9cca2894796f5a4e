package api

// IncrementalAlterConfigs, versions 0 and 1 (KIP-339): sets and deletes single overrides, and edits lists.
//
// Differences from Kafka 3.9: no alter.config.policy.class.name; passwords (of TLS and SASL) cannot be stored; the loggers are
// this program's (see loggers.go).

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/config"
	"klab/broker/server"
)

func (d *Deps) incrementalAlterConfigs(ctx context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.IncrementalAlterConfigsRequest)
	return d.later(ctx, r, func(ctx context.Context) kmsg.Response {
		type resource = kmsg.IncrementalAlterConfigsRequestResource
		answers := eachResource(req.Resources, func(r *resource) (kmsg.ConfigResourceType, string) { return r.ResourceType, r.ResourceName },
			func(r *resource) *resourceError { return d.changeConfig(ctx, increments(r), req.ValidateOnly) })
		resp := kmsg.NewPtrIncrementalAlterConfigsResponse()
		for i, err := range answers {
			out := kmsg.NewIncrementalAlterConfigsResponseResource()
			out.ResourceType, out.ResourceName = req.Resources[i].ResourceType, req.Resources[i].ResourceName
			out.ErrorCode, out.ErrorMessage = err.answer()
			resp.Resources = append(resp.Resources, out)
		}
		return resp
	})
}

func increments(r *kmsg.IncrementalAlterConfigsRequestResource) *change {
	c := &change{kind: r.ResourceType, name: r.ResourceName, incremental: true}
	for _, k := range r.Configs {
		e := config.Edit{Kind: config.EditKind(k.Op), Name: k.Name}
		switch {
		case e.Kind < config.Set || e.Kind > config.Subtract:
			c.badEdit = true
		case k.Value != nil:
			e.Value = *k.Value
		case e.Kind != config.Delete:
			c.nulls = append(c.nulls, k.Name)
		}
		c.edits = append(c.edits, e)
	}
	return c
}
