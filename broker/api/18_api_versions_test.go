package api

import (
	"context"
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestApiVersions(t *testing.T) {
	d := townDeps(t)
	for v := range int16(5) {
		req := kmsg.NewPtrApiVersionsRequest()
		req.Version, req.ClientSoftwareName, req.ClientSoftwareVersion = v, "apache-kafka-java", "4.2.0"
		resp := answerOf(t, d.apiVersions, "PLAINTEXT", req).(*kmsg.ApiVersionsResponse)
		if resp.ErrorCode != 0 || len(resp.ApiKeys) != len(Table(d)) || v >= 3 && resp.FinalizedFeaturesEpoch != 4 {
			t.Errorf("v%d: %+v", v, resp)
		}
	}
	req := kmsg.NewPtrApiVersionsRequest()
	req.Version = 3
	for name, want := range map[string]int16{"": 42, "a": 0, "-a": 42, "a b": 42, "a.b-c": 0} {
		req.ClientSoftwareName, req.ClientSoftwareVersion = name, "1"
		if resp := answerOf(t, d.apiVersions, "PLAINTEXT", req).(*kmsg.ApiVersionsResponse); resp.ErrorCode != want {
			t.Errorf("software %q: error %d", name, resp.ErrorCode)
		}
	}
}

func TestFindCoordinator(t *testing.T) {
	d := townDeps(t)
	for v := range int16(7) {
		for keyType, want := range map[int8]*kerr.Error{0: kerr.CoordinatorNotAvailable, 1: kerr.CoordinatorNotAvailable, 2: kerr.InvalidRequest} {
			if v == 0 && keyType > 0 {
				continue
			}
			req := kmsg.NewPtrFindCoordinatorRequest()
			req.Version, req.CoordinatorKey, req.CoordinatorKeys, req.CoordinatorType = v, "k", []string{"k", "l"}, keyType
			resp := answerOf(t, d.findCoordinator, "PLAINTEXT", req).(*kmsg.FindCoordinatorResponse)
			got := resp.ErrorCode
			if v >= 4 {
				if len(resp.Coordinators) != 2 || resp.Coordinators[1].Key != "l" || resp.Coordinators[1].NodeID != -1 {
					t.Errorf("v%d: %+v", v, resp)
				}
				got = resp.Coordinators[1].ErrorCode
			}
			if got != want.Code {
				t.Errorf("v%d type %d: error %d", v, keyType, got)
			}
		}
	}
}

func TestInitProducerID(t *testing.T) {
	d := townDeps(t)
	id, failure := int64(41), error(nil)
	d.ProducerIDs = func(context.Context) (int64, error) { id++; return id, failure }
	tx, empty := "tx", ""
	for _, tt := range []struct {
		name    string
		tx      *string
		pid     int64
		epoch   int16
		failure error
		want    *kerr.Error
	}{
		{"idempotent", nil, -1, -1, nil, nil},
		{"idempotent, had one before", nil, 7, 3, nil, nil},
		{"half of an identity", nil, 7, -1, nil, kerr.InvalidRequest},
		{"transactional, without a timeout", &tx, -1, -1, nil, kerr.InvalidTransactionTimeout},
		{"empty transactional id", &empty, -1, -1, nil, kerr.InvalidRequest},
		{"no block", nil, -1, -1, errors.New("no controller"), kerr.CoordinatorLoadInProgress},
	} {
		failure = tt.failure
		req := kmsg.NewPtrInitProducerIDRequest()
		req.Version, req.TransactionalID, req.ProducerID, req.ProducerEpoch = 5, tt.tx, tt.pid, tt.epoch
		resp := answerOf(t, d.initProducerID, "PLAINTEXT", req).(*kmsg.InitProducerIDResponse)
		switch {
		case tt.want == nil && (resp.ErrorCode != 0 || resp.ProducerID != id || resp.ProducerEpoch != 0):
			t.Errorf("%s: %+v", tt.name, resp)
		case tt.want != nil && (resp.ErrorCode != tt.want.Code || resp.ProducerID != -1):
			t.Errorf("%s: %+v, want %v", tt.name, resp, tt.want)
		}
	}
}

func TestAPanicInALaterAnswerEndsTheRequest(t *testing.T) {
	d := townDeps(t)
	d.ProducerIDs = func(context.Context) (int64, error) { panic("boom") }
	req := kmsg.NewPtrInitProducerIDRequest()
	if resp := answerNothing(t, d.initProducerID, req); resp != nil {
		t.Errorf("answered %+v", resp)
	}
}
