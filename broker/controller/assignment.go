package controller

import (
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
)

// brokerRack is a broker that may get replicas.
type brokerRack struct {
	id   int32
	rack string // empty: none
}

// placement is where an assignment starts. Kafka chooses both at random for a
// new topic; partitions added later go on from where the first one lies.
type placement struct {
	start int // index of the broker that gets the first replica of partition 0
	shift int // how far the second replica is from the first
	first int32
}

// assignReplicas spreads partitions over brokers (Kafka 3.9, KIP-36): first
// replicas round-robin, the others at a distance that grows with each round. If
// the brokers have racks, replicas of a partition avoid a common one.
func assignReplicas(brokers []brokerRack, partitions int32, replicas int, at placement) (map[int32][]int32, *refusal) {
	racks := 0
	for _, b := range brokers {
		if b.rack != "" {
			racks++
		}
	}
	switch {
	case partitions <= 0:
		return nil, refuse(kerr.InvalidPartitions, "Number of partitions must be larger than 0.")
	case replicas <= 0:
		return nil, refuse(kerr.InvalidReplicationFactor, "Replication factor must be larger than 0.")
	case replicas > len(brokers):
		return nil, refuse(kerr.InvalidReplicationFactor, "Replication factor: %d larger than available brokers: %d.", replicas, len(brokers))
	case racks > 0 && racks < len(brokers):
		return nil, refuse(kerr.UnknownServerError, "Not all brokers have rack information for replica rack aware assignment.")
	}
	total := at.first + partitions
	if room := fitting(brokers, total, replicas); room < total {
		return nil, refuse(kerr.InvalidPartitions, "Number of partitions %d is too large: with %d replicas each, %d fit the topic's node in ZooKeeper.", total, replicas, room)
	}
	if racks > 0 {
		return assignByRack(interleave(brokers), partitions, replicas, at), nil
	}
	return assignPlainly(byID(brokers), partitions, replicas, at), nil
}

func byID(brokers []brokerRack) []brokerRack {
	return slices.SortedFunc(slices.Values(brokers), func(a, b brokerRack) int { return int(a.id) - int(b.id) })
}

func assignPlainly(brokers []brokerRack, partitions int32, replicas int, at placement) map[int32][]int32 {
	n := len(brokers)
	out := make(map[int32][]int32, partitions)
	for p := at.first; p < at.first+partitions; p++ {
		if p > 0 && int(p)%n == 0 {
			at.shift++
		}
		first := (int(p) + at.start) % n
		list := []int32{brokers[first].id}
		for j := range replicas - 1 {
			list = append(list, brokers[replicaIndex(first, at.shift, j, n)].id)
		}
		out[p] = list
	}
	return out
}

// replicaIndex is the index of the replica after the first and j others.
func replicaIndex(first, shift, j, n int) int {
	if n == 1 {
		return 0
	}
	return (first + 1 + (shift+j)%(n-1)) % n
}

// interleave lists brokers so that neighbours are on different racks: one of
// each rack in turn, racks by name, brokers of a rack by id.
func interleave(brokers []brokerRack) []brokerRack {
	racks := make(map[string][]brokerRack)
	for _, b := range byID(brokers) {
		racks[b.rack] = append(racks[b.rack], b)
	}
	names := slices.Sorted(maps.Keys(racks))
	out := make([]brokerRack, 0, len(brokers))
	for len(out) < len(brokers) {
		for _, name := range names {
			if rest := racks[name]; len(rest) > 0 {
				out = append(out, rest[0])
				racks[name] = rest[1:]
			}
		}
	}
	return out
}

// assignByRack passes over brokers whose rack holds the partition already, while
// there are racks that do not, and over brokers that hold it, while others do not.
func assignByRack(brokers []brokerRack, partitions int32, replicas int, at placement) map[int32][]int32 {
	n := len(brokers)
	rackCount := len(maps.Collect(func(yield func(string, bool) bool) {
		for _, b := range brokers {
			if !yield(b.rack, true) {
				return
			}
		}
	}))
	out := make(map[int32][]int32, partitions)
	for p := at.first; p < at.first+partitions; p++ {
		if p > 0 && int(p)%n == 0 {
			at.shift++
		}
		first := (int(p) + at.start) % n
		out[p] = spread(brokers, first, at.shift*rackCount, replicas, rackCount)
	}
	return out
}

// spread picks the replicas of one partition.
func spread(brokers []brokerRack, first, shift, replicas, rackCount int) []int32 {
	list := []int32{brokers[first].id}
	racks := map[string]bool{brokers[first].rack: true}
	taken := map[int32]bool{brokers[first].id: true}
	for k := 0; len(list) < replicas; k++ {
		b := brokers[replicaIndex(first, shift, k, len(brokers))]
		rackFree := !racks[b.rack] || len(racks) == rackCount
		brokerFree := !taken[b.id] || len(taken) == len(brokers)
		if rackFree && brokerFree {
			list = append(list, b.id)
			racks[b.rack], taken[b.id] = true, true
		}
	}
	return list
}

// continueAt is the placement of partitions added to a topic: as if they had been
// created with it, starting at the broker of partition 0's first replica.
func continueAt(brokers []brokerRack, firstReplica int32, existing int32) placement {
	ids := byID(brokers)
	start := max(0, slices.IndexFunc(ids, func(b brokerRack) bool { return b.id >= firstReplica }))
	return placement{start: start, shift: start, first: existing}
}
