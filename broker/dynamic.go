package broker

import (
	"context"
	"slices"
	"strings"

	"klab/broker/config"
)

// applyDynamic puts changed keys of the broker's dynamic configuration into effect (KIP-226), so far as they are not read where
// they are used: topics' defaults and the cleaner's keys are.
func (b *Broker) applyDynamic(ctx context.Context, changed []string) {
	any := func(is func(string) bool) bool { return slices.ContainsFunc(changed, is) }
	if any(func(k string) bool { return strings.Contains(k, "max.connection") }) {
		b.applyLimits(ctx)
	}
	if any(config.IsQuota) {
		b.applyThrottles()
	}
	if slices.Contains(changed, "num.replica.fetchers") {
		b.replicas.SetNumFetchers(b.cfg.Int("num.replica.fetchers"))
	}
	if slices.Contains(changed, uncleanElection) {
		b.controller.SetUncleanElection(b.cfg.Bool(uncleanElection))
	}
	if slices.Contains(changed, "advertised.listeners") {
		b.readvertise(ctx)
	}
}

func (b *Broker) applyThrottles() {
	rate := func(name string) int64 {
		if n, ok := b.cfg.Quota(name); ok {
			return n
		}
		return -1
	}
	b.replicas.SetThrottles(rate(config.LeaderThrottledRate), rate(config.FollowerThrottledRate))
}
