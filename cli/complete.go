package cli

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"klab/cluster"
)

// completeWithin is how long a person waits for the shell to complete a name.
const completeWithin = 700 * time.Millisecond

// topicNames completes the first argument with the cluster's topics. Silence is its answer to every error.
func (a *app) topicNames(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	a.glance(cmd.Context(), func(s *cluster.Snapshot) {
		for _, t := range s.Topics {
			if !t.Internal {
				names = append(names, t.Name)
			}
		}
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}

// brokerIDs completes the first argument with the cluster's brokers.
func (a *app) brokerIDs(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var found []string
	a.glance(cmd.Context(), func(s *cluster.Snapshot) {
		for _, b := range s.Brokers {
			found = append(found, strconv.Itoa(int(b.ID)))
		}
	})
	return found, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) glance(ctx context.Context, use func(*cluster.Snapshot)) {
	a.brief(ctx, func(ctx context.Context, c *cluster.Cluster) {
		if s, err := c.Glance(ctx); err == nil {
			use(s)
		}
	})
}

// brief asks the cluster something for a completion.
func (a *app) brief(ctx context.Context, ask func(context.Context, *cluster.Cluster)) {
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, completeWithin)
	defer cancel()
	c, err := a.connect(ctx)
	if err != nil {
		return
	}
	defer c.Close()
	ask(ctx, c)
}
