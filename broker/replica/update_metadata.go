package replica

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/storage"
)

// UpdateMetadata applies an UpdateMetadata request to the metadata cache, unless its controller was replaced. deleted are
// the partitions whose topic is being deleted.
func (r *Replicas) UpdateMetadata(req *kmsg.UpdateMetadataRequest) (resp *kmsg.UpdateMetadataResponse, deleted []storage.TopicPartition) {
	r.control.Lock()
	defer r.control.Unlock()
	resp = kmsg.NewPtrUpdateMetadataResponse()
	if err := r.admitController(req.ControllerEpoch, req.BrokerEpoch); err != nil {
		resp.ErrorCode = err.Code
		return resp, nil
	}
	r.controllerEpoch = req.ControllerEpoch
	deleted = r.cfg.Metadata.Apply(req)
	r.brokersChanged()
	return resp, deleted
}
