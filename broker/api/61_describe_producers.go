package api

// DescribeProducers, version 0 (KIP-664): the producers that a replica knows. Any replica answers, not only the leader.
//
// No difference from Kafka 3.9.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/controller"
	"klab/broker/server"
	"klab/broker/storage"
)

func (d *Deps) describeProducers(_ context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.DescribeProducersRequest)
	resp := kmsg.NewPtrDescribeProducersResponse()
	noSuchPartition := "This server does not host this topic-partition."
	for _, asked := range req.Topics {
		t := kmsg.NewDescribeProducersResponseTopic()
		t.Topic = asked.Topic
		_, known := d.Metadata.Snapshot().Topic(asked.Topic)
		for _, id := range asked.Partitions {
			p := kmsg.NewDescribeProducersResponseTopicPartition()
			p.Partition = id
			if err := controller.CheckTopicName(asked.Topic); err != nil {
				p.ErrorCode, p.ErrorMessage = kerr.InvalidTopicException.Code, new(err.Error())
			} else if known {
				p.ErrorCode, p.ActiveProducers = d.producersOf(storage.TopicPartition{Topic: asked.Topic, Partition: id})
			} else {
				p.ErrorCode, p.ErrorMessage = kerr.UnknownTopicOrPartition.Code, &noSuchPartition
			}
			t.Partitions = append(t.Partitions, p)
		}
		resp.Topics = append(resp.Topics, t)
	}
	return server.Now(resp)
}

func (d *Deps) producersOf(tp storage.TopicPartition) (code int16, all []kmsg.DescribeProducersResponseTopicPartitionActiveProducer) {
	log, err := d.Replicas.Log(tp)
	if err != nil {
		return err.Code, nil
	}
	for _, known := range log.ActiveProducers() {
		a := kmsg.NewDescribeProducersResponseTopicPartitionActiveProducer()
		a.ProducerID, a.ProducerEpoch = known.ID, int32(known.Epoch)
		a.LastSequence, a.LastTimestamp = known.LastSequence, known.LastTimestamp
		a.CoordinatorEpoch, a.CurrentTxnStartOffset = known.CoordinatorEpoch, known.TxnStartOffset
		all = append(all, a)
	}
	return 0, all
}
