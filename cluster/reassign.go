package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Move is the wanted assignment of one partition. The first replica is the preferred leader.
type Move struct {
	Topic     string
	Partition int32
	From      []int32 // as it is; nil: not known
	To        []int32
}

// Adds are the brokers that get a replica that they do not have.
func (m Move) Adds() []int32 { return missing(m.To, m.From) }

// ReassignPlan is a set of moves, as kafka-reassign-partitions.sh reads and writes it.
type ReassignPlan []Move

type planJSON struct {
	Version    int        `json:"version"`
	Partitions []moveJSON `json:"partitions"`
}

type moveJSON struct {
	Topic     string   `json:"topic"`
	Partition int32    `json:"partition"`
	Replicas  []int32  `json:"replicas"`
	LogDirs   []string `json:"log_dirs,omitempty"`
}

// MarshalJSON writes the file of Kafka's tool.
func (p ReassignPlan) MarshalJSON() ([]byte, error) {
	j := planJSON{Version: 1, Partitions: []moveJSON{}}
	for _, m := range p {
		j.Partitions = append(j.Partitions, moveJSON{Topic: m.Topic, Partition: m.Partition, Replicas: m.To})
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads the file of Kafka's tool. Log directories other than "any" are refused: klab does not choose them.
func (p *ReassignPlan) UnmarshalJSON(data []byte) error {
	var j planJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return fmt.Errorf("cannot read reassignment plan: %w", err)
	}
	for _, m := range j.Partitions {
		switch {
		case m.Topic == "" || m.Partition < 0:
			return errors.New("cannot read reassignment plan: a partition has no topic or a negative number")
		case len(m.Replicas) == 0:
			return fmt.Errorf("cannot read reassignment plan: %s/%d has no replicas", m.Topic, m.Partition)
		case slices.ContainsFunc(m.LogDirs, func(d string) bool { return d != "any" }):
			return fmt.Errorf("cannot read reassignment plan: %s/%d names a log directory, only any is supported", m.Topic, m.Partition)
		}
		*p = append(*p, Move{Topic: m.Topic, Partition: m.Partition, To: m.Replicas})
	}
	return nil
}

// Reassign is the request to move partitions.
type Reassign struct {
	Plan     ReassignPlan
	Throttle int64 // bytes a second that each broker may send and receive for it; 0: no limit is set

	Additional bool // start also while other partitions are being moved
}

// ErrReassigning is in the error of a reassignment that would begin beside another without being asked to.
var ErrReassigning = errors.New("partitions are being moved already")

func (r Reassign) command(to addressee) Command {
	klab, kafka := []string{"reassign", "start", "--plan", "plan.json"}, []string{"--reassignment-json-file", "plan.json", "--execute"}
	if r.Throttle > 0 {
		rate := fmt.Sprint(r.Throttle)
		klab, kafka = append(klab, "--throttle", rate), append(kafka, "--throttle", rate)
	}
	if r.Additional {
		klab, kafka = append(klab, "--additional"), append(kafka, "--additional")
	}
	plan, err := json.Marshal(r.Plan)
	if err != nil || len(plan) > 2000 {
		plan = []byte("{…}") // the line is to be read
	}
	write := "echo " + quote(string(plan)) + " > plan.json && "
	return Command{Klab: write + to.klab(klab...), Kafka: write + to.kafka("kafka-reassign-partitions.sh", kafka...)}
}

// Reassign asks the controller to move partitions, and returns when it took the request: the moving goes on for as long
// as the new replicas need to catch up (Snapshot.Reassignments). As Kafka's tool it does not begin beside another
// reassignment unless Additional is set: the error wraps ErrReassigning. With Throttle it first limits the brokers' rates
// for these partitions and for those that are being moved already; ClearThrottle takes the limits away.
func (c *Cluster) Reassign(ctx context.Context, r Reassign) error {
	return c.administer(ctx, r, fmt.Sprintf("reassign %d partitions", len(r.Plan)), func(ctx context.Context, adm *kadm.Client) error {
		if len(r.Plan) == 0 {
			return errors.New("the plan is empty: every partition already is where it should be")
		}
		under, err := c.underWay(ctx)
		if err != nil {
			return fmt.Errorf("cannot see what is being moved: %w; nothing was moved", err)
		}
		if n := len(under); n > 0 && !r.Additional {
			return fmt.Errorf("%w, %d of them: wait (klab reassign list), give them up (klab reassign cancel), or add to them with --additional", ErrReassigning, n)
		}
		if r.Throttle > 0 {
			if err := c.throttle(ctx, under, r.Plan, r.Throttle); err != nil {
				return fmt.Errorf("cannot set the throttle: %w; nothing was moved", err)
			}
		}
		var req kadm.AlterPartitionAssignmentsReq
		for _, m := range r.Plan {
			req.Assign(m.Topic, m.Partition, m.To)
		}
		return c.alterAssignments(ctx, adm, req)
	})
}

func (c *Cluster) alterAssignments(ctx context.Context, adm *kadm.Client, req kadm.AlterPartitionAssignmentsReq) error {
	resps, err := adm.AlterPartitionAssignments(ctx, req)
	if err != nil {
		return err
	}
	var failed []string
	var first error
	resps.Each(func(r kadm.AlterPartitionAssignmentsResponse) {
		if r.Err != nil {
			failed, first = append(failed, fmt.Sprintf("%s/%d", r.Topic, r.Partition)), withMessage(r.Err, r.ErrMessage)
		}
	})
	if first == nil {
		return nil
	}
	slices.Sort(failed)
	return fmt.Errorf("%s: %w", strings.Join(failed[:min(len(failed), 5)], ", "), first)
}

// CancelReassign is the request to give up reassignments that are under way.
type CancelReassign struct {
	Topic      string  // empty: all
	Partitions []int32 // nil: all of Topic
}

func (r CancelReassign) command(to addressee) Command {
	klab := []string{"reassign", "cancel"}
	switch {
	case r.Topic == "":
		klab = append(klab, "--all")
	case len(r.Partitions) > 0:
		klab = append(klab, r.Topic+":"+joinIDs(r.Partitions))
	default:
		klab = append(klab, r.Topic)
	}
	return Command{Klab: to.klab(klab...), Kafka: to.kafka("kafka-reassign-partitions.sh", "--reassignment-json-file", "plan.json", "--cancel")}
}

// CancelReassign gives up reassignments: the partitions keep the replicas that they had. It returns how many there were.
func (c *Cluster) CancelReassign(ctx context.Context, r CancelReassign) (cancelled int, err error) {
	err = c.administer(ctx, r, "cancel reassignments", func(ctx context.Context, adm *kadm.Client) error {
		under, err := c.underWay(ctx)
		if err != nil {
			return err
		}
		var req kadm.AlterPartitionAssignmentsReq
		for _, m := range under {
			if (r.Topic == "" || r.Topic == m.Topic) && (len(r.Partitions) == 0 || slices.Contains(r.Partitions, m.Partition)) {
				req.CancelAssign(m.Topic, m.Partition)
				cancelled++
			}
		}
		if cancelled == 0 {
			return errors.New("no such reassignment is under way: see klab reassign list")
		}
		err = c.alterAssignments(ctx, adm, req)
		if errors.Is(err, kerr.NoReassignmentInProgress) {
			return nil // it ended meanwhile
		}
		return err
	})
	return cancelled, err
}
