package replica

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/metadata"
	"klab/broker/storage"
)

// UpdateMetadata applies an UpdateMetadata request to the metadata cache, unless its controller was replaced. deleted are
// the partitions whose topic is being deleted.
func (r *Replicas) UpdateMetadata(req *kmsg.UpdateMetadataRequest) (resp *kmsg.UpdateMetadataResponse, deleted []storage.TopicPartition) {
	resp = kmsg.NewPtrUpdateMetadataResponse()
	deleted, gone, err := r.applyMetadata(req)
	if err != nil {
		resp.ErrorCode = err.Code
	}
	if gone {
		// A high watermark may have waited for a replica that was about to join and is now gone, as the old leader does
		// that fetched on while it was shutting down.
		r.checkISRs()
	}
	return resp, deleted
}

// applyMetadata changes the cache and tells whether a broker is gone by it.
func (r *Replicas) applyMetadata(req *kmsg.UpdateMetadataRequest) (deleted []storage.TopicPartition, gone bool, _ *kerr.Error) {
	r.control.Lock()
	defer r.control.Unlock()
	if err := r.admitController(req.ControllerEpoch, req.BrokerEpoch); err != nil {
		return nil, false, err
	}
	r.controllerEpoch = req.ControllerEpoch
	before := r.cfg.Metadata.Snapshot()
	deleted = r.cfg.Metadata.Apply(req)
	r.brokersChanged()
	now := r.cfg.Metadata.Snapshot()
	gone = slices.ContainsFunc(before.Brokers(), func(b metadata.Broker) bool { return !now.Alive(b.ID) })
	return deleted, gone, nil
}
