package api

// UpdateFeatures, versions 0 and 1 (KIP-584). Only the controller answers it; others say NOT_CONTROLLER.
//
//	v1 the kind of an upgrade in place of allowDowngrade, and a dry run (KIP-778)
//
// In ZooKeeper mode Kafka 3.9 has no features, so that each update is refused. No difference from Kafka 3.9.

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/server"
)

// Kinds of an update.
const (
	featureUpgrade = iota + 1
	featureSafeDowngrade
	featureUnsafeDowngrade
)

func (d *Deps) updateFeatures(_ context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.UpdateFeaturesRequest)
	resp := kmsg.NewPtrUpdateFeaturesResponse()
	if !d.Controller.IsActive() {
		resp.ErrorCode, resp.ErrorMessage = kerr.NotController.Code, new("This is not the correct controller for this cluster.")
		return server.Now(resp)
	}
	seen := make(map[string]bool)
	for i := range req.FeatureUpdates {
		u := &req.FeatureUpdates[i]
		if seen[u.Feature] {
			continue
		}
		seen[u.Feature] = true
		out := kmsg.NewUpdateFeaturesResponseResult()
		out.Feature, out.ErrorCode, out.ErrorMessage = u.Feature, kerr.InvalidRequest.Code, new(whyNoFeature(u, req.Version))
		resp.Results = append(resp.Results, out)
	}
	return server.Now(resp)
}

func whyNoFeature(u *kmsg.UpdateFeaturesRequestFeatureUpdate, version int16) string {
	kind := int(u.UpgradeType)
	if version == 0 {
		kind = featureUpgrade
		if u.AllowDowngrade {
			kind = featureSafeDowngrade
		}
	}
	switch {
	case kind < featureUpgrade || kind > featureUnsafeDowngrade:
		return "Received unknown upgrade type."
	case u.Feature == "":
		return "Feature name can not be empty."
	case u.MaxVersionLevel < 1 && kind != featureUpgrade:
		return "Can not delete non-existing finalized feature."
	case u.MaxVersionLevel < 1:
		return fmt.Sprintf("Can not provide versionLevel: %d less than 1 without setting the SAFE downgradeType in the request.", u.MaxVersionLevel)
	}
	return "Could not apply finalized feature update because the provided feature is not supported."
}
