package cluster

import (
	"strings"
	"testing"
	"time"
	"unicode"
)

func TestWords(t *testing.T) {
	orders := func(f Fact) Fact { f.Topic, f.Broker = "orders", -1; return f }
	for _, c := range []struct {
		fact           Fact
		subject, text  string
		subjectZH, ttt string
	}{
		{Fact{Kind: KindProcessKilled, Broker: 3, By: "you", Source: "supervisor"}, "broker 3", "killed (SIGKILL) by you", "broker 3", "由你杀死(SIGKILL)"},
		{Fact{Kind: KindProcessKilled, Broker: -1, Source: "supervisor", Fields: map[string]any{"target": "zookeeper"}}, "ZooKeeper", "killed (SIGKILL)", "ZooKeeper", "被杀死(SIGKILL)"},
		{Fact{Kind: KindSessionOpened, Broker: -1, Source: "zookeeper", Fields: map[string]any{"timeout_ms": 2000.4}}, "ZooKeeper", "session opened, timeout 2000 ms", "ZooKeeper", "会话建立,超时 2000 毫秒"},
		{Fact{Kind: KindSessionExpired, Broker: 3, Source: "zookeeper"}, "broker 3", "ZooKeeper session expired", "broker 3", "ZooKeeper 会话过期"},
		{
			orders(Fact{Kind: KindLeaderElected, Fields: map[string]any{"old": 3.0, "new": 1.0, "epoch": 5.0, "old_epoch": 4.0}}),
			"orders/0", "leader 3 -> 1, epoch 4 -> 5", "orders/0", "领导者 3 -> 1,纪元 4 -> 5",
		},
		{
			orders(Fact{Kind: KindLeaderElected, Fields: map[string]any{"old": -1.0, "new": 1.0, "epoch": 5.0, "reason": "new partition"}}),
			"orders/0", "leader none -> 1, epoch 5 (new partition)", "orders/0", "领导者 无 -> 1,纪元 5(新分区)",
		},
		{
			orders(Fact{Kind: KindISRShrunk, Fields: map[string]any{"old": []any{1.0, 2.0, 3.0}, "new": []int32{1, 2}}}),
			"orders/0", "ISR 1 2 3 -> 1 2", "orders/0", "ISR 1 2 3 -> 1 2",
		},
		{orders(Fact{Kind: KindFirstWrite, SinceCause: time.Second, Fields: map[string]any{"epoch": 2.0}}), "orders/0", "first write acknowledged again", "orders/0", "首次写入再次得到确认"},
		{orders(Fact{Kind: KindFirstWrite, SinceCause: NoCause, Fields: map[string]any{"offset": 7}}), "orders/0", "first write acknowledged, offset 7", "orders/0", "首次写入得到确认,偏移量 7"},
		{
			Fact{Kind: KindTxnPrepared, Broker: 2, Partition: -1, Fields: map[string]any{"id": "tx-1", "commit": false, "cause": "timeout"}},
			"txn tx-1", "decided to abort (timeout)", "事务 tx-1", "决定中止(timeout)",
		},
		{
			Fact{Kind: KindGroupRebalanced, Broker: 2, Partition: -1, Fields: map[string]any{"group": "billing", "members": 2, "generation": 7.0}},
			"group billing", "rebalanced: 2 members, generation 7", "组 billing", "再均衡完成:2 个成员,第 7 代",
		},
		{Fact{Kind: "quota.hit", Broker: 2, Fields: map[string]any{"b": "x", "a": 1.0}}, "broker 2", "quota.hit, a 1, b x", "broker 2", "quota.hit, a 1, b x"},
	} {
		subject, text := c.fact.Words(English)
		if subject != c.subject || text != c.text {
			t.Errorf("%s: %q %q, want %q %q", c.fact.Kind, subject, text, c.subject, c.text)
		}
		subject, text = c.fact.Words(Chinese)
		if subject != c.subjectZH || text != c.ttt {
			t.Errorf("%s: %q %q, want %q %q", c.fact.Kind, subject, text, c.subjectZH, c.ttt)
		}
	}
}

// Every kind can be said in both languages, whatever fields are there, and the two name the same fields.
func TestEveryKindHasWords(t *testing.T) {
	for kind, say := range factWords {
		for i, sentence := range say {
			bare := Fact{Kind: kind, Broker: -1, Partition: -1, SinceCause: NoCause}
			filled := bare.fill(sentence, []Lang{English, Chinese}[i])
			if strings.ContainsAny(filled, "[]{}|") || strings.TrimSpace(filled) == "" {
				t.Errorf("%s: %q becomes %q", kind, sentence, filled)
			}
		}
		if a, b := names(say[0]), names(say[1]); a != b {
			t.Errorf("%s: English names %s, Chinese %s", kind, a, b)
		}
		if strings.IndexFunc(say[0], func(r rune) bool { return r > unicode.MaxASCII }) >= 0 {
			t.Errorf("%s: %q is not ASCII", kind, say[0])
		}
	}
}

func names(sentence string) string {
	found := map[string]bool{}
	for part := range strings.SplitSeq(sentence, "{") {
		if name, _, ok := strings.Cut(part, "}"); ok {
			found[name] = true
		}
	}
	return strings.Join(sortedKeys(found), " ")
}
