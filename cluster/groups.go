package cluster

import (
	"context"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
)

// Group is one consumer group.
type Group struct {
	Name     string
	State    string // Kafka's: Stable, Empty, PreparingRebalance, …
	Protocol string // the assignor; empty when there are no members
	Members  int
	Lag      int64 // records behind the high watermark over all partitions; -1 unknown
}

// ListGroups is the request to list the consumer groups.
type ListGroups struct{}

func (ListGroups) command(to addressee) Command {
	return Command{Klab: to.klab("group", "list"), Kafka: to.kafka("kafka-consumer-groups.sh", "--describe", "--all-groups")}
}

// Groups lists the consumer groups by name, with their lag.
func (c *Cluster) Groups(ctx context.Context) ([]Group, error) {
	var groups []Group
	err := c.administer(ctx, ListGroups{}, "list consumer groups", func(ctx context.Context, adm *kadm.Client) error {
		lags, err := adm.Lag(ctx)
		if err != nil {
			return err
		}
		for name, l := range lags {
			g := Group{Name: name, State: l.State, Protocol: l.Protocol, Members: len(l.Members), Lag: Unknown}
			if l.Error() == nil {
				g.Lag = l.Lag.Total()
			}
			groups = append(groups, g)
		}
		return nil
	})
	slices.SortFunc(groups, func(a, b Group) int { return strings.Compare(a.Name, b.Name) })
	return groups, err
}
