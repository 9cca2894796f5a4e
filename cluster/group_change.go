package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// commit writes offsets for a group without members.
func (c *Cluster) commit(ctx context.Context, group string, plan []OffsetChange) error {
	client, err := c.kafka()
	if err != nil {
		return err
	}
	offsets := kadm.Offsets{}
	for _, o := range plan {
		offsets.AddOffset(o.Topic, o.Partition, o.New, -1)
	}
	resps, err := kadm.NewClient(client).CommitOffsets(ctx, group, offsets)
	if err != nil {
		return err
	}
	var failed error
	resps.Each(func(r kadm.OffsetResponse) {
		if r.Err != nil && failed == nil {
			failed = fmt.Errorf("%s/%d: %w", r.Topic, r.Partition, groupHint(r.Err))
		}
	})
	return failed
}

// groupHint adds to a coordinator's error what to do.
func groupHint(err error) error {
	switch {
	case errors.Is(err, kerr.NonEmptyGroup), errors.Is(err, kerr.UnknownMemberID), errors.Is(err, kerr.RebalanceInProgress):
		return fmt.Errorf("%w: stop them first, or remove them with klab group remove-member (%w)", ErrGroupActive, err)
	case errors.Is(err, kerr.GroupIDNotFound):
		return fmt.Errorf("%w: see klab group list (%w)", ErrNoGroup, err)
	case errors.Is(err, kerr.GroupSubscribedToTopic):
		return fmt.Errorf("%w: a member of the group still subscribes to it, stop that member first", err)
	}
	return err
}

// DeleteGroup is the request to delete a group with its offsets.
type DeleteGroup struct{ Name string }

func (d DeleteGroup) command(to addressee) Command {
	return Command{Klab: to.klab("group", "delete", d.Name), Kafka: to.kafka("kafka-consumer-groups.sh", "--delete", "--group", d.Name)}
}

// DeleteGroup deletes a group and its offsets. One with members is refused: the error wraps ErrGroupActive.
func (c *Cluster) DeleteGroup(ctx context.Context, name string) error {
	return c.administer(ctx, DeleteGroup{name}, "delete group "+name, func(ctx context.Context, adm *kadm.Client) error {
		resp, err := adm.DeleteGroup(ctx, name)
		if err == nil {
			err = resp.Err
		}
		return groupHint(err)
	})
}

// DeleteOffsets is the request to forget a group's offsets of a topic.
type DeleteOffsets struct {
	Group      string
	Topic      string
	Partitions []int32 // nil: all
}

func (d DeleteOffsets) command(to addressee) Command {
	word := d.Topic
	if len(d.Partitions) > 0 {
		word += ":" + joinIDs(d.Partitions)
	}
	return Command{
		Klab:  to.klab("group", "delete-offsets", d.Group, "--topic", word),
		Kafka: to.kafka("kafka-consumer-groups.sh", "--delete-offsets", "--group", d.Group, "--topic", word),
	}
}

// DeleteOffsets forgets the offsets that a group committed for a topic.
func (c *Cluster) DeleteOffsets(ctx context.Context, d DeleteOffsets) error {
	what := fmt.Sprintf("delete offsets of group %s for topic %s", d.Group, d.Topic)
	return c.administer(ctx, d, what, func(ctx context.Context, adm *kadm.Client) error {
		partitions := d.Partitions
		if len(partitions) == 0 {
			var err error
			if partitions, err = partitionsOf(ctx, adm, d.Topic, nil); err != nil {
				return err
			}
		}
		var set kadm.TopicsSet
		set.Add(d.Topic, partitions...)
		resps, err := adm.DeleteOffsets(ctx, d.Group, set)
		if err != nil {
			return groupHint(err)
		}
		if key, err := firstFailed(resps); err != nil {
			return fmt.Errorf("%s/%d: %w", key.topic, key.partition, groupHint(err))
		}
		return nil
	})
}

func firstFailed(resps kadm.DeleteOffsetsResponses) (partitionKey, error) {
	for topic, partitions := range resps {
		for id, err := range partitions {
			if err != nil {
				return partitionKey{topic, id}, err
			}
		}
	}
	return partitionKey{}, nil
}

// RemoveMember is the request to make a member leave its group.
type RemoveMember struct {
	Group  string
	Member string // its member id, or the group.instance.id of a static member; empty: every member
}

func (r RemoveMember) command(to addressee) Command {
	member := r.Member
	if member == "" {
		member = "--all"
	}
	return Command{
		Klab:  to.klab("group", "remove-member", r.Group, member),
		Kafka: "# Kafka ships no tool for this: Admin.removeMembersFromConsumerGroup, or kafka-streams-application-reset.sh --force",
	}
}

// RemoveMember makes a member leave, as if it had said so itself (LeaveGroup, KIP-345): the group rebalances at once. A
// member that still runs joins again.
func (c *Cluster) RemoveMember(ctx context.Context, r RemoveMember) (removed int, err error) {
	what := "remove a member of group " + r.Group
	err = c.administer(ctx, r, what, func(ctx context.Context, _ *kadm.Client) error {
		g, err := c.readGroup(ctx, r.Group)
		if err != nil {
			return err
		}
		members := slices.DeleteFunc(slices.Clone(g.Members), func(m GroupMember) bool {
			return r.Member != "" && m.ID != r.Member && m.InstanceID != r.Member
		})
		if len(members) == 0 {
			return noMember(g, r.Member)
		}
		for _, m := range members {
			if err := c.leave(ctx, r.Group, m); err != nil {
				return err
			}
			removed++
		}
		return nil
	})
	return removed, err
}

func noMember(g Group, wanted string) error {
	if len(g.Members) == 0 {
		return fmt.Errorf("it has no members (state %s)", g.State)
	}
	return fmt.Errorf("it has no member %s: see klab group describe %s", wanted, g.Name)
}

// leave removes a static member by its instance id, and a dynamic one by its member id.
func (c *Cluster) leave(ctx context.Context, group string, m GroupMember) error {
	client, err := c.kafka()
	if err != nil {
		return err
	}
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group = group
	member := kmsg.NewLeaveGroupRequestMember()
	if member.MemberID = m.ID; m.InstanceID != "" {
		member.MemberID, member.InstanceID = "", &m.InstanceID
	}
	member.Reason = new("removed by klab")
	req.Members = append(req.Members, member)
	resp, err := req.RequestWith(ctx, client)
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return groupHint(err)
	}
	for _, left := range resp.Members {
		if err := kerr.ErrorForCode(left.ErrorCode); err != nil && !errors.Is(err, kerr.UnknownMemberID) { // it left by itself
			return err
		}
	}
	return nil
}
