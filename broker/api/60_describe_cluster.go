package api

// DescribeCluster, versions 0 and 1 (KIP-700).
//
//	v1 endpoint type (KIP-919): a ZooKeeper-mode broker describes brokers (1), never controllers (2)
//
// No difference from Kafka 3.9.

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/server"
)

const (
	endpointBrokers     = 1
	endpointControllers = 2
)

func (d *Deps) describeCluster(_ context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.DescribeClusterRequest)
	resp := kmsg.NewPtrDescribeClusterResponse()
	resp.EndpointType = endpointBrokers
	if kerror, message := endpointError(req); kerror != nil {
		resp.ErrorCode, resp.ErrorMessage = kerror.Code, &message
		return server.Now(resp)
	}
	now := d.Metadata.Snapshot()
	resp.ClusterID, resp.ControllerID = d.ClusterID(), -1
	for _, b := range now.Brokers() {
		if b.ID == now.ControllerID {
			resp.ControllerID = b.ID
		}
		if e, ok := now.Endpoint(b.ID, r.Listener); ok {
			resp.Brokers = append(resp.Brokers, kmsg.DescribeClusterResponseBroker{NodeID: b.ID, Host: e.Host, Port: e.Port, Rack: b.Rack})
		}
	}
	if req.IncludeClusterAuthorizedOperations {
		resp.ClusterAuthorizedOperations = allClusterOperations
	}
	return server.Now(resp)
}

func endpointError(req *kmsg.DescribeClusterRequest) (*kerr.Error, string) {
	switch {
	case req.Version == 0, req.EndpointType == endpointBrokers:
		return nil, ""
	case req.EndpointType == endpointControllers:
		return kerr.MismatchedEndpointType, "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER"
	default:
		return kerr.UnsupportedEndpointType, fmt.Sprintf("Unsupported endpoint type %d", req.EndpointType)
	}
}
