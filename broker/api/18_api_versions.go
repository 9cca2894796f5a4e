package api

// ApiVersions, versions 0 to 4.
//
//	v3 the client's software; features (KIP-511, KIP-584)
//	v4 supported features with a minimum of 0 (KAFKA-17011)
//
// A version that is not served is answered by package server, in version 0 with UNSUPPORTED_VERSION.
// No difference from Kafka 3.9 in ZooKeeper mode: no feature is supported or finalized, and the epoch is the version of
// /feature.

import (
	"context"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/server"
)

func (d *Deps) apiVersions(_ context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.ApiVersionsRequest)
	resp := kmsg.NewPtrApiVersionsResponse()
	if req.Version >= 3 && !(validSoftware(req.ClientSoftwareName) && validSoftware(req.ClientSoftwareVersion)) {
		resp.ErrorCode = kerr.InvalidRequest.Code
		return server.Now(resp)
	}
	for _, e := range Table(d) {
		k := kmsg.NewApiVersionsResponseApiKey()
		k.ApiKey, k.MinVersion, k.MaxVersion = e.Key, e.Min, e.Max
		resp.ApiKeys = append(resp.ApiKeys, k)
	}
	resp.FinalizedFeaturesEpoch = d.FeatureEpoch()
	return server.Now(resp)
}

// validSoftware holds KIP-511's rule: letters, digits, dots and dashes, and neither dot nor dash at the ends.
func validSoftware(s string) bool {
	if s == "" || strings.Trim(s, ".-") != s {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-')
	})
}
