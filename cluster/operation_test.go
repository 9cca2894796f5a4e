package cluster

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestCommandLines(t *testing.T) {
	c := &Cluster{target: Target{Args: []string{"-b", "h:1"}}, bootstrap: []string{"h:1", "h:2"}, model: newModel("h:1", false)}
	c.model.meta.brokers = []metaBroker{{id: 1}, {id: 2}}
	const kafka = " --bootstrap-server h:1,h:2 "
	for _, want := range []struct {
		r           Request
		klab, kafka string
	}{
		{
			NewTopic{Name: "orders", Partitions: 6, ReplicationFactor: 3, Config: map[string]string{"retention.ms": "1", "cleanup.policy": "compact"}},
			"topic create orders --partitions 6 --replication-factor 3 --config cleanup.policy=compact --config retention.ms=1",
			"kafka-topics.sh" + kafka + "--create --topic orders --partitions 6 --replication-factor 3 --config cleanup.policy=compact --config retention.ms=1",
		},
		{DeleteTopic{"orders"}, "topic delete orders", "kafka-topics.sh" + kafka + "--delete --topic orders"},
		{AddPartitions{"orders", 9}, "topic alter orders --partitions 9", "kafka-topics.sh" + kafka + "--alter --topic orders --partitions 9"},
		{
			ElectPreferred{Topic: "orders", Partitions: []int32{2}}, "topic elect orders --partition 2",
			"kafka-leader-election.sh" + kafka + "--election-type preferred --topic orders --partition 2",
		},
		{ListGroups{}, "group list", "kafka-consumer-groups.sh" + kafka + "--list --state"},
		{ListGroups{[]string{"billing"}}, "group describe billing", "kafka-consumer-groups.sh" + kafka + "--describe --group billing"},
		{
			ResetOffsets{Group: "billing", To: ShiftBy(-100), Topics: []TopicPartitions{{"orders", []int32{0, 1}}}, DryRun: true},
			"group reset-offsets billing --topic orders:0,1 --to -100 --dry-run",
			"kafka-consumer-groups.sh" + kafka + "--reset-offsets --group billing --topic orders:0,1 --shift-by -100 --dry-run",
		},
		{
			ResetOffsets{Group: "billing", To: ByDuration(30 * time.Minute)}, "group reset-offsets billing --to 30m0s",
			"kafka-consumer-groups.sh" + kafka + "--reset-offsets --group billing --all-topics --by-duration PT30M0S --execute",
		},
		{DeleteGroup{"billing"}, "group delete billing", "kafka-consumer-groups.sh" + kafka + "--delete --group billing"},
		{
			DeleteOffsets{Group: "billing", Topic: "orders"}, "group delete-offsets billing --topic orders",
			"kafka-consumer-groups.sh" + kafka + "--delete-offsets --group billing --topic orders",
		},
		{DescribeConfigs{BrokerResource(2)}, "config list broker 2", "kafka-configs.sh" + kafka + "--describe --entity-type brokers --entity-name 2 --all"},
		{
			AlterConfigs{Resource: TopicResource("orders"), Changes: []ConfigChange{{"cleanup.policy", ConfigSet, "compact,delete"}}},
			"config set topic orders cleanup.policy=compact,delete",
			"kafka-configs.sh" + kafka + "--alter --entity-type topics --entity-name orders --add-config 'cleanup.policy=[compact,delete]'",
		},
		{
			AlterConfigs{Resource: ConfigResource{Kind: BrokerConfigs}, Changes: []ConfigChange{{"num.io.threads", ConfigDelete, ""}}},
			"config delete broker --default num.io.threads",
			"kafka-configs.sh" + kafka + "--alter --entity-type brokers --entity-default --delete-config num.io.threads",
		},
		{
			AlterConfigs{Resource: TopicResource("orders"), Changes: []ConfigChange{{"cleanup.policy", ConfigAppend, "compact"}}},
			"config append topic orders cleanup.policy=compact",
			"kafka-configs.sh" + kafka + "--alter --entity-type topics --entity-name orders --add-config 'cleanup.policy=[…]' # Kafka's tool has no append: give the whole list",
		},
		{ListTransactions{}, "txn list", "kafka-transactions.sh" + kafka + "list"},
		{
			FindHanging{MaxTimeout: DefaultTxnTimeout}, "txn find-hanging",
			"for id in 1 2; do kafka-transactions.sh" + kafka + "find-hanging --broker-id $id; done",
		},
		{
			FindHanging{Topics: []string{"orders"}, MaxTimeout: time.Hour}, "txn find-hanging orders --max-timeout 1h0m0s",
			"kafka-transactions.sh" + kafka + "find-hanging --topic orders --max-transaction-timeout 60",
		},
		{
			AbortTransaction{"orders", 3, 9120}, "txn abort orders --partition 3 --start-offset 9120",
			"kafka-transactions.sh" + kafka + "abort --topic orders --partition 3 --start-offset 9120",
		},
		{ListReassignments{}, "reassign list", "kafka-reassign-partitions.sh" + kafka + "--list"},
		{CancelReassign{Topic: "orders"}, "reassign cancel orders", "kafka-reassign-partitions.sh" + kafka + "--reassignment-json-file plan.json --cancel"},
		{ElectPreferred{}, "topic elect --all", "kafka-leader-election.sh" + kafka + "--election-type preferred --all-topic-partitions"},
		{BrokerAction{Verb: Kill, ID: 3, PID: 77}, "broker kill 3", "kill -KILL 77"},
		{BrokerAction{Verb: Start, ID: 3}, "broker start 3", "kafka-server-start.sh -daemon config/server-3.properties"},
		{
			TailOptions{Topic: "orders", Partitions: []int32{1}, From: FromBeginning()}, "consume orders --from beginning --partition 1 --follow",
			"kafka-console-consumer.sh" + kafka + "--topic orders --partition 1 --from-beginning",
		},
		{
			ReadRequest{Topic: "orders", From: FromBeginning(), Committed: true}, "consume orders --from beginning --isolation-level read_committed",
			"kafka-console-consumer.sh" + kafka + "--topic orders --from-beginning --isolation-level read_committed",
		},
		{ProduceRequest{Topic: "orders", Acks: AcksLeader, Codec: Zstd}, "produce orders --acks 1 --codec zstd", "kafka-console-producer.sh" + kafka + "--topic orders --request-required-acks 1 --compression-codec zstd"},
	} {
		got := c.CommandOf(want.r)
		if got.Klab != "klab -b h:1 "+want.klab {
			t.Errorf("klab:  %s\nwant: klab -b h:1 %s", got.Klab, want.klab)
		}
		if got.Kafka != want.kafka {
			t.Errorf("kafka: %s\nwant:  %s", got.Kafka, want.kafka)
		}
	}
	one := c.CommandOf(ProduceRequest{Topic: "t", Records: []NewRecord{{Key: []byte("it's"), Value: []byte("a b")}}})
	if !strings.HasPrefix(one.Klab, `echo 'it'\''s:a b' | klab -b h:1 produce t --key-separator :`) {
		t.Errorf("quoting: %s", one.Klab)
	}
}

func TestTopicOperations(t *testing.T) {
	c := connect(t, fakeKafka(t))
	ctx := t.Context()
	n := NewTopic{Name: "orders", Partitions: 2, ReplicationFactor: 3, Config: map[string]string{"retention.ms": "60000"}}
	if err := c.CreateTopic(ctx, n); err != nil {
		t.Fatal(err)
	}
	if err := c.CreateTopic(ctx, n); !errors.Is(err, kerr.TopicAlreadyExists) || !strings.HasPrefix(err.Error(), "cannot create topic orders: ") {
		t.Errorf("err = %v", err)
	}
	configs, err := c.Configs(ctx, TopicResource("orders"))
	i := slices.IndexFunc(configs, func(e ConfigEntry) bool { return e.Name == "retention.ms" })
	if err != nil || i < 0 || configs[i].Value != "60000" || configs[i].Source != "DYNAMIC_TOPIC_CONFIG" {
		t.Errorf("configs = %+v, %v", configs, err)
	}
	if err := c.AddPartitions(ctx, "orders", 5); err != nil {
		t.Error(err)
	}
	if err := c.ElectPreferred(ctx, "orders"); err != nil {
		t.Error(err)
	}
	s, err := c.Look(ctx)
	if topic, ok := s.Topic("orders"); err != nil || !ok || len(topic.Partitions) != 5 || topic.Records() != 0 {
		t.Errorf("topic = %+v, %v", topic, err)
	}
	if err := c.DeleteTopic(ctx, "orders"); err != nil {
		t.Error(err)
	}
	if err := c.DeleteTopic(ctx, "orders"); !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Errorf("err = %v", err)
	}
	log := c.Commands().Last(100)
	if len(log) != 7 || log[1].Err == nil || log[0].Err != nil || log[6].Seq != 7 || !strings.HasPrefix(log[3].Command.Klab, "klab topic alter orders") {
		t.Errorf("command log = %+v", log)
	}
	if err := c.BrokerAction(ctx, Kill, 1); !errors.Is(err, ErrNotLaunched) {
		t.Errorf("err = %v", err)
	}
}

// refuse makes the next times produce requests fail with code.
func refuse(fake *kfake.Cluster, times int, code int16) {
	fake.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		if times--; times < 0 {
			return nil, nil, false
		}
		fake.KeepControl()
		resp := req.ResponseKind().(*kmsg.ProduceResponse)
		for _, topic := range req.(*kmsg.ProduceRequest).Topics {
			rt := kmsg.NewProduceResponseTopic()
			rt.Topic, rt.TopicID = topic.Topic, topic.TopicID
			for _, p := range topic.Partitions {
				rp := kmsg.NewProduceResponseTopicPartition()
				rp.Partition, rp.ErrorCode = p.Partition, code
				rt.Partitions = append(rt.Partitions, rp)
			}
			resp.Topics = append(resp.Topics, rt)
		}
		return resp, nil, true
	})
}

// Retries are counted by batches that were sent again, and only those.
func TestRetriesAreCounted(t *testing.T) {
	fake := fakeKafka(t, kfake.SeedTopics(1, "orders"))
	c := connect(t, fake)
	refuse(fake, 2, kerr.NotEnoughReplicas.Code)
	r, err := c.Produce(t.Context(), ProduceRequest{Topic: "orders", Records: []NewRecord{{Value: []byte("x")}}})
	if err != nil || r.Retries != 2 || r.Written != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

// A client retries for as long as it may, and then knows only that time is over; what the cluster shows says why.
func TestAWriteInVainIsExplained(t *testing.T) {
	fake := fakeKafka(t)
	c := connect(t, fake)
	if err := c.CreateTopic(t.Context(), NewTopic{Name: "orders", Partitions: 1, Config: map[string]string{"min.insync.replicas": "4"}}); err != nil {
		t.Fatal(err)
	}
	refuse(fake, 1<<30, kerr.NotEnoughReplicas.Code)
	p := ProduceRequest{Topic: "orders", Records: []NewRecord{{Value: []byte("x"), Time: noon}}, Timeout: 200 * time.Millisecond}
	r, err := c.Produce(t.Context(), p)
	const want = "cannot write to orders/0: not acknowledged in time: NOT_ENOUGH_REPLICAS: 3 in the ISR, and with acks=all min.insync.replicas asks for 4"
	if err == nil || err.Error() != want || r.Written != 0 || r.Retries == 0 || r.Took > time.Second {
		t.Errorf("%v\nwant %s\n%+v", err, want, r)
	}
}

func TestWriteErrorsNameTheRecordsPlace(t *testing.T) {
	c := connect(t, fakeKafka(t, kfake.SeedTopics(1, "orders")))
	_, err := c.Produce(t.Context(), ProduceRequest{Topic: "orders", Records: []NewRecord{{Value: make([]byte, 2<<20)}}})
	if !errors.Is(err, kerr.MessageTooLarge) || !strings.Contains(err.Error(), "orders") {
		t.Errorf("err = %v", err)
	}
}

// fakeHost is a launcher.
type fakeHost struct {
	status_ hostStatus
	emit    []hostEvent
	did     []string
}

func (h *fakeHost) status(context.Context) (hostStatus, error) { return h.status_, nil }

func (h *fakeHost) do(_ context.Context, verb BrokerVerb, id int32, by string) error {
	h.did = append(h.did, string(verb)+" "+by)
	return nil
}

func (h *fakeHost) events(ctx context.Context, after int64, follow bool) iter.Seq2[hostEvent, error] {
	return func(yield func(hostEvent, error) bool) {
		for _, e := range h.emit {
			if e.seq > after && !yield(e, nil) {
				return
			}
		}
		if follow {
			<-ctx.Done()
		}
	}
}

func TestLaunchedClustersTellTheirEvents(t *testing.T) {
	h := &fakeHost{emit: []hostEvent{
		{seq: 11, fact: Fact{Kind: KindProcessKilled, Broker: 3, Partition: -1, Time: noon}},
		{seq: 12, cause: 11, fact: Fact{Kind: KindClusterStopping, Broker: -1, Partition: -1, Time: noon.Add(time.Second)}},
	}}
	c := connect(t, fakeKafka(t))
	c.host = h
	var got []Fact
	for f, err := range c.Facts(t.Context(), false) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, f)
	}
	if len(got) != 2 || got[0].Seq != 1 || got[1].Cause != 1 || got[1].SinceCause != time.Second {
		t.Errorf("facts = %+v", got)
	}
	if err := c.BrokerAction(t.Context(), Pause, 3); err != nil || !slices.Equal(h.did, []string{"pause you"}) {
		t.Errorf("did %v, %v", h.did, err)
	}
}
