package api

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/internaltopic"
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

func TestFindCoordinatorCreatesTheTopic(t *testing.T) {
	d := townDeps(t)
	created := 0
	d.OffsetsTopic = internaltopic.New(internaltopic.Config{
		Name: internaltopic.TransactionState, Metadata: d.Metadata, Log: slog.New(slog.DiscardHandler),
		Partitions: func() int32 { return 50 }, ReplicationFactor: func() int16 { return 1 },
		AppendTimeout: func() time.Duration { return time.Second },
		Forward: func(context.Context, kmsg.Request) (kmsg.Response, error) {
			created++
			return nil, errors.New("no controller")
		},
	})
	d.TransactionTopic = d.OffsetsTopic
	for v := range int16(7) {
		for keyType, want := range map[int8]*kerr.Error{0: kerr.CoordinatorNotAvailable, 1: kerr.CoordinatorNotAvailable, 3: kerr.InvalidRequest} {
			if v == 0 && keyType > 0 {
				continue
			}
			created = 0
			if got := findError(t, d, v, keyType); got != want.Code {
				t.Errorf("v%d type %d: error %d", v, keyType, got)
			}
			if asked := created == 1; asked != (want == kerr.CoordinatorNotAvailable) {
				t.Errorf("v%d type %d: the topic is created %d times", v, keyType, created)
			}
		}
	}
}

// findError asks for the coordinators of two keys, or of one where a version knows no more.
func findError(t *testing.T, d *Deps, version int16, keyType int8) int16 {
	req := kmsg.NewPtrFindCoordinatorRequest()
	req.Version, req.CoordinatorKey, req.CoordinatorKeys, req.CoordinatorType = version, "k", []string{"k", "l"}, keyType
	resp := answerOf(t, d.findCoordinator, "PLAINTEXT", req).(*kmsg.FindCoordinatorResponse)
	if version < 4 {
		return resp.ErrorCode
	}
	if len(resp.Coordinators) != 2 || resp.Coordinators[1].Key != "l" || resp.Coordinators[1].NodeID != -1 {
		t.Errorf("v%d: %+v", version, resp)
	}
	return resp.Coordinators[1].ErrorCode
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
