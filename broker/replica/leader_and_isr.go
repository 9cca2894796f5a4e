package replica

import (
	"cmp"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/fact"
	"klab/broker/partition"
	"klab/broker/storage"
)

// atOnce is how many partitions change their role at the same time: each may have to wait for a disk.
const atOnce = 8

// order is what a LeaderAndIsr request says about one partition, and what became of it.
type order struct {
	tp    storage.TopicPartition
	id    storage.TopicID
	isNew bool
	state partition.State
	at    *hosted
	err   *kerr.Error

	opened bool // at was not there before
}

// BecomeLeaderOrFollower carries out a LeaderAndIsr request of any version (kafka-formats D.2).
func (r *Replicas) BecomeLeaderOrFollower(req *kmsg.LeaderAndISRRequest) *kmsg.LeaderAndISRResponse {
	r.control.Lock()
	defer r.control.Unlock()
	orders := r.orders(req)
	if err := r.admitController(req.ControllerEpoch, req.BrokerEpoch); err != nil {
		for i := range orders { // Kafka refuses each, and the whole
			orders[i].err = err
		}
		resp := leaderAndISRResponse(req, orders)
		resp.ErrorCode = err.Code
		return resp
	}
	r.controllerEpoch = req.ControllerEpoch
	r.host(orders)
	each(orders, r.carryOut)
	r.follow(orders)
	r.cfg.LeadershipChanged(r.leaderships(orders))
	r.announce.Do(func() { close(r.announced) })
	return leaderAndISRResponse(req, orders)
}

// admitController refuses controllers that were replaced, and requests meant for an earlier registration of this broker.
func (r *Replicas) admitController(controllerEpoch int32, brokerEpoch int64) *kerr.Error {
	switch {
	case r.closed:
		return kerr.StaleBrokerEpoch
	case brokerEpoch != -1 && brokerEpoch < r.cfg.BrokerEpoch():
		return kerr.StaleBrokerEpoch
	case controllerEpoch < r.controllerEpoch:
		r.cfg.Log.Warn("refused a request of a replaced controller", "epoch", controllerEpoch, "current", r.controllerEpoch)
		return kerr.StaleControllerEpoch
	}
	return nil
}

func (r *Replicas) orders(req *kmsg.LeaderAndISRRequest) []order {
	var orders []order
	for i := range req.PartitionStates {
		p := &req.PartitionStates[i]
		orders = append(orders, newOrder(p.Topic, storage.TopicID{}, p))
	}
	for i := range req.TopicStates {
		t := &req.TopicStates[i]
		for j := range t.PartitionStates {
			orders = append(orders, newOrder(t.Topic, t.TopicID, &t.PartitionStates[j]))
		}
	}
	return orders
}

func newOrder(topic string, id storage.TopicID, p *kmsg.LeaderAndISRRequestTopicPartition) order {
	return order{
		tp:    storage.TopicPartition{Topic: topic, Partition: p.Partition},
		id:    id,
		isNew: p.IsNew,
		state: partition.State{
			ControllerEpoch: p.ControllerEpoch,
			Leader:          p.Leader,
			LeaderEpoch:     p.LeaderEpoch,
			PartitionEpoch:  p.ZKVersion,
			ISR:             slices.Clone(p.ISR),
			Replicas:        slices.Clone(p.Replicas),
			Recovering:      p.LeaderRecoveryState == 1,
		},
	}
}

// host finds or makes the replica of every order. The caller holds r.control.
func (r *Replicas) host(orders []order) {
	known := r.table().hosted
	for i := range orders {
		o := &orders[i]
		if !slices.Contains(o.state.Replicas, r.cfg.BrokerID) {
			o.err = kerr.UnknownTopicOrPartition
			continue
		}
		if o.at = known[o.tp]; o.at != nil {
			o.err = o.at.check(o)
		}
	}
	each(orders, func(o *order) {
		if o.at == nil && o.err == nil {
			o.at, o.err = r.open(o)
			o.opened = o.err == nil
		}
	})
	r.publish(func(t *table) {
		for i := range orders {
			o := &orders[i]
			if o.at == nil {
				continue
			}
			t.hosted[o.tp] = o.at
			if o.err == nil && !o.id.IsZero() {
				t.names[o.id] = o.tp.Topic
			}
		}
	})
	for i := range orders {
		if orders[i].opened { // a change of its topic's configuration since it was opened found nothing here
			r.configure(orders[i].at)
		}
	}
}

// check compares an order with the replica that is there: its topic id and its leader epoch.
func (h *hosted) check(o *order) *kerr.Error {
	id := h.topicID()
	switch {
	case h.log == nil:
		return kerr.KafkaStorageError
	case !id.IsZero() && !o.id.IsZero() && id != o.id:
		return kerr.InconsistentTopicID
	}
	h.mu.Lock()
	current := h.core.LeaderEpoch()
	h.mu.Unlock()
	switch {
	case o.state.LeaderEpoch > current:
		return nil
	case o.state.LeaderEpoch == current && id.IsZero() && !o.id.IsZero():
		return h.learnTopicID(o.id)
	default:
		return kerr.StaleControllerEpoch
	}
}

func (h *hosted) learnTopicID(id storage.TopicID) *kerr.Error {
	if id.IsZero() {
		return nil
	}
	if err := h.log.SetTopicID(id); err != nil {
		return codeOf(err)
	}
	h.id.Store(&id)
	return nil
}

// open takes the partition's log from its directory or creates it in the one with the fewest.
func (r *Replicas) open(o *order) (*hosted, *kerr.Error) {
	dir, log, err := r.locate(o)
	if err != nil {
		return r.offline(o), err
	}
	h := &hosted{tp: o.tp, dir: dir, log: log}
	id := log.TopicID()
	if !id.IsZero() && !o.id.IsZero() && id != o.id {
		r.cfg.Log.Error("the log on disk belongs to an older topic of this name: remove its directory to host the new one",
			"partition", o.tp, "dir", dir.Path(), "topic id on disk", id, "topic id", o.id)
		return nil, kerr.InconsistentTopicID
	}
	h.id.Store(&id)
	if err := h.learnTopicID(o.id); err != nil {
		return nil, err
	}
	start, end := log.StartOffset(), log.EndOffset()
	watermark := max(start, min(dir.HighWatermarks()[o.tp], end))
	h.core = partition.New(r.cfg.BrokerID, r.settings(o.tp.Topic), end, watermark)
	r.setThrottling(h)
	return h, nil
}

// offline is the place holder of a replica whose log cannot be had.
func (r *Replicas) offline(o *order) *hosted {
	return &hosted{tp: o.tp, core: partition.New(r.cfg.BrokerID, r.settings(o.tp.Topic), 0, 0)}
}

func (r *Replicas) settings(topic string) partition.Settings {
	return partition.Settings{MinISR: r.cfg.MinInSync(topic), LagTimeMax: r.cfg.LagTimeMax}
}

func (r *Replicas) locate(o *order) (*storage.Dir, *storage.Log, *kerr.Error) {
	online := r.onlineDirs()
	for _, dir := range online {
		if log, ok := dir.Log(o.tp); ok {
			return dir, log, nil
		}
	}
	// A replica that is not new must have a log somewhere: an empty one in its place would lose what it acknowledged.
	if len(online) == 0 || !o.isNew && len(online) < len(r.cfg.Dirs) {
		return nil, nil, kerr.KafkaStorageError
	}
	dir := slices.MinFunc(online, func(a, b *storage.Dir) int { return cmp.Compare(logCount(a), logCount(b)) })
	log, err := dir.Create(o.tp, o.id, r.cfg.LogConfig(o.tp.Topic))
	if err != nil {
		r.cfg.Log.Error("cannot create a log", "partition", o.tp, "dir", dir.Path(), "error", err)
		return nil, nil, kerr.KafkaStorageError
	}
	return dir, log, nil
}

func logCount(d *storage.Dir) (n int) {
	for range d.Logs() {
		n++
	}
	return n
}

// carryOut changes one replica's role. Orders of one request run side by side.
func (r *Replicas) carryOut(o *order) {
	if o.err != nil || o.at == nil {
		return
	}
	var err error
	if o.state.Leader == r.cfg.BrokerID {
		err = r.becomeLeader(o.at, o.state)
	} else {
		err = r.becomeFollower(o.at, o.state)
	}
	if err != nil {
		r.cfg.Log.Error("cannot change a replica's role", "partition", o.tp, "leader epoch", o.state.LeaderEpoch, "error", err)
		r.checkDir(o.at.dir)
		o.err = codeOf(err)
	}
}

// becomeLeader starts a leader epoch: it is recorded at the log end before anything is appended in it.
func (r *Replicas) becomeLeader(h *hosted, s partition.State) error {
	h.mu.Lock()
	if err := h.log.AssignEpoch(s.LeaderEpoch, h.log.EndOffset()); err != nil {
		h.mu.Unlock()
		return err
	}
	h.generation.Add(1)
	end := h.core.EndOffset()
	_, effects := h.core.BecomeLeader(s, r.cfg.Clock(), r.cfg.Metadata.Snapshot())
	h.firstWrite.Store(true)
	out := h.after(effects, roleChanged)
	h.mu.Unlock()
	r.settle(h, out)
	r.cfg.Log.Info("leads", "partition", h.tp, "leader epoch", s.LeaderEpoch, "isr", s.ISR, "log end", end)
	r.observe(fact.ReplicaLeader, h.tp, map[string]any{"epoch": s.LeaderEpoch, "leo": end})
	return nil
}

// becomeFollower ends whatever the replica was. A log that knows of no leader epoch cannot be compared with the leader's,
// so its tail above the high watermark goes.
func (r *Replicas) becomeFollower(h *hosted, s partition.State) error {
	h.mu.Lock()
	h.generation.Add(1)
	out := h.after(h.core.BecomeFollower(s), roleChanged)
	var err error
	if h.log.LatestEpoch() == partition.None {
		err = r.truncate(h, h.core.HighWatermark())
	}
	h.mu.Unlock()
	r.settle(h, out)
	r.cfg.Log.Info("follows", "partition", h.tp, "leader", s.Leader, "leader epoch", s.LeaderEpoch)
	return err
}

// truncate cuts the log at offset. The caller holds h.mu.
func (r *Replicas) truncate(h *hosted, offset int64) error {
	from := h.core.EndOffset()
	// Also where no record goes: an epoch that this replica led without a write stands at the log's end, and as long as
	// it does the leader finds the logs to diverge.
	if err := h.log.TruncateTo(offset); err != nil {
		return err
	}
	if offset < from {
		r.cut(h, from)
	}
	return nil
}

// cut notes that the log ended at from and was truncated. The caller holds h.mu.
func (r *Replicas) cut(h *hosted, from int64) {
	h.generation.Add(1)
	h.core.Truncated(h.log.StartOffset(), h.log.EndOffset())
	r.cfg.Log.Info("truncated", "partition", h.tp, "from", from, "to", h.log.EndOffset())
	r.observe(fact.ReplicaTruncated, h.tp, map[string]any{"to": h.log.EndOffset(), "from": from})
}

// each runs f on all orders, several at a time.
func each(orders []order, f func(*order)) {
	if len(orders) == 1 {
		f(&orders[0])
		return
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for i := range orders {
		slots <- struct{}{}
		wg.Go(func() {
			f(&orders[i])
			<-slots
		})
	}
	wg.Wait()
}

func leaderAndISRResponse(req *kmsg.LeaderAndISRRequest, orders []order) *kmsg.LeaderAndISRResponse {
	resp := kmsg.NewPtrLeaderAndISRResponse()
	at := map[storage.TopicID]int{}
	for i := range orders {
		o := &orders[i]
		p := kmsg.NewLeaderAndISRResponseTopicPartition()
		p.Topic, p.Partition = o.tp.Topic, o.tp.Partition
		if o.err != nil {
			p.ErrorCode = o.err.Code
		}
		if req.Version < 5 {
			resp.Partitions = append(resp.Partitions, p)
			continue
		}
		n, ok := at[o.id]
		if !ok {
			n = len(resp.Topics)
			at[o.id] = n
			t := kmsg.NewLeaderAndISRResponseTopic()
			t.TopicID = o.id
			resp.Topics = append(resp.Topics, t)
		}
		resp.Topics[n].Partitions = append(resp.Topics[n].Partitions, p)
	}
	return resp
}
