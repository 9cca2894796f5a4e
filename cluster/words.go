package cluster

import (
	"fmt"
	"strconv"
	"strings"
)

// Words says the fact in one line: what it is about ("broker 3", "orders/0") and what happened to it. A kind that is not
// known here is said by its name and fields, so a newer source loses nothing.
func (f Fact) Words(lang Lang) (subject, text string) {
	say, ok := factWords[f.Kind]
	if !ok {
		return f.subject(lang), f.plain()
	}
	text = say[0]
	if lang == Chinese {
		text = say[1]
	}
	subject, text = f.subject(lang), f.fill(text, lang)
	return subject, strings.TrimPrefix(text, subject+" ") // a session's subject may be ZooKeeper itself
}

// factWords holds, for each kind, English and Chinese. {name} stands for a field, {by} for who asked; a part in [ ] is
// left out when one of its names is not known.
var factWords = map[string][2]string{
	KindProcessStarting: {"starting[ {by}]", "[{by}]启动"},
	KindProcessStarted:  {"process started[, pid {pid}]", "进程已启动[,pid {pid}]"},
	KindProcessReady:    {"ready[ after {ms} ms]", "就绪[,用时 {ms} 毫秒]"},
	KindProcessStopping: {"stopping (SIGTERM, controlled shutdown)[ {by}]", "[{by}]停止(SIGTERM,受控关闭)"},
	KindProcessStopped:  {"stopped", "已停止"},
	KindProcessKilled:   {"killed (SIGKILL)[ {by}]", "[{by}|被]杀死(SIGKILL)"},
	KindProcessPaused:   {"paused (SIGSTOP)[ {by}]", "[{by}|被]暂停(SIGSTOP)"},
	KindProcessResumed:  {"resumed (SIGCONT)[ {by}]", "[{by}]恢复运行(SIGCONT)"},
	KindProcessExited:   {"process ended[, exit code {code}]", "进程结束[,退出码 {code}]"},
	KindProcessFailed:   {"process failed[: {error}]", "进程失败[:{error}]"},

	KindSessionOpened:  {"ZooKeeper session opened[, timeout {timeout_ms} ms]", "ZooKeeper 会话建立[,超时 {timeout_ms} 毫秒]"},
	KindSessionExpired: {"ZooKeeper session expired", "ZooKeeper 会话过期"},
	KindSessionClosed:  {"ZooKeeper session closed", "ZooKeeper 会话关闭"},

	KindControllerElected:  {"elected controller[, epoch {epoch}]", "当选控制器[,纪元 {epoch}]"},
	KindControllerResigned: {"is controller no more", "不再是控制器"},
	KindBrokerUp:           {"registered", "已注册"},
	KindBrokerDown:         {"gone from the cluster", "已离开集群"},
	KindTopicCreated:       {"created[, {partitions} partitions][, replication factor {replication}]", "已创建[,{partitions} 个分区][,副本因子 {replication}]"},
	KindTopicDeleted:       {"deleted", "已删除"},
	KindPartitionsAdded:    {"partitions {old} -> {new}", "分区数 {old} -> {new}"},
	KindLeaderElected:      {"leader {old} -> {new}[, epoch {old_epoch} -> {epoch}|, epoch {epoch}][ ({reason})]", "领导者 {old} -> {new}[,纪元 {old_epoch} -> {epoch}|,纪元 {epoch}][({reason})]"},
	KindPartitionOffline:   {"no leader: offline[, ISR was {isr}]", "没有领导者:离线[,ISR 为 {isr}]"},
	KindISRShrunk:          {"ISR {old} -> {new}", "ISR {old} -> {new}"},
	KindISRGrown:           {"ISR {old} -> {new}", "ISR {old} -> {new}"},
	KindReplicaLeader:      {"broker {broker} leads[, epoch {epoch}][, log end {leo}]", "broker {broker} 成为领导者[,纪元 {epoch}][,日志末端 {leo}]"},
	KindReplicaTruncated:   {"broker {broker} truncated[ {from} -> {to}]", "broker {broker} 截断[ {from} -> {to}]"},
	KindFirstWrite:         {"first write acknowledged[ {again}][, offset {offset}]", "首次写入[{again}]得到确认[,偏移量 {offset}]"},
	KindLogDirFailed:       {"log directory {dir} failed[: {error}]", "日志目录 {dir} 失效[:{error}]"},
	KindClusterStarting:    {"starting", "正在启动"},
	KindClusterReady:       {"ready[ after {ms} ms]", "就绪[,用时 {ms} 毫秒]"},
	KindClusterStopping:    {"stopping[ {by}]", "[{by}]停止"},
	KindClusterStopped:     {"stopped", "已停止"},
	KindFactsDropped:       {"{count} facts were not reported: too many at once", "有 {count} 条事实未上报:同时太多"},
	KindStale:              {"no broker answers[: {error}]", "没有 broker 应答[:{error}]"},
	KindGroupCreated:       {"created[, state {state}]", "已创建[,状态 {state}]"},
	KindGroupDeleted:       {"gone", "已不存在"},
	KindGroupState:         {"{old} -> {new}", "{old} -> {new}"},
	KindGroupRebalanced:    {"rebalanced: {members} members[, {protocol}][, generation {generation}|, epoch {epoch}][ ({reason})]", "再均衡完成:{members} 个成员[,{protocol}][,第 {generation} 代|,纪元 {epoch}][({reason})]"},
	KindRebalancing:        {"rebalance begins[, generation {generation} ends][ ({reason})]", "开始再均衡[,第 {generation} 代结束][({reason})]"},
	KindMemberJoined:       {"[{count} members joined|{instance} joined|{client} joined|a member joined][, {members} members][ ({reason})]", "[{count} 个成员加入|{instance} 加入|{client} 加入|一个成员加入][,共 {members} 个成员][({reason})]"},
	KindMemberLeft:         {"[{count} members left|{instance} left|{client} left|a member left][, {members} members][ ({reason})]", "[{count} 个成员离开|{instance} 离开|{client} 离开|一个成员离开][,共 {members} 个成员][({reason})]"},
	KindMemberExpired:      {"[{instance} expired|{client} expired|a member expired][ ({reason})]", "[{instance} 超时|{client} 超时|一个成员超时][({reason})]"},
	KindGroupsLoaded:       {"loaded {groups} groups and {offsets} offsets[ in {ms} ms]", "已加载 {groups} 个组、{offsets} 个偏移量[,用时 {ms} 毫秒]"},
	KindTxnBegan:           {"began[ in {partitions} partitions]", "开始[,{partitions} 个分区]"},
	KindTxnPrepared:        {"decided to {outcome}[ ({cause})]", "决定{outcome}[({cause})]"},
	KindTxnCommitted:       {"committed[ after {ms} ms]", "已提交[,历时 {ms} 毫秒]"},
	KindTxnAborted:         {"aborted[ after {ms} ms][ ({cause})]", "已中止[,历时 {ms} 毫秒][({cause})]"},
	KindProducerFenced:     {"an older producer was fenced off[, epoch {epoch} holds]", "旧的生产者被隔离[,有效纪元 {epoch}]"},
	KindReassignStarted:    {"reassignment started[, adding {adding}][, removing {removing}]", "开始重新分配[,新增 {adding}][,移除 {removing}]"},
	KindReassignEnded:      {"reassignment over[, replicas {replicas}]", "重新分配结束[,副本 {replicas}]"},
	KindFresh:              {"a broker answers again", "broker 恢复应答"},
}

func (f Fact) subject(lang Lang) string {
	switch {
	case f.Topic != "" && f.Partition >= 0:
		return f.Topic + "/" + strconv.Itoa(int(f.Partition))
	case f.Topic != "":
		return f.Topic
	case f.Text("group") != "" && lang == Chinese:
		return "组 " + f.Text("group")
	case f.Text("group") != "":
		return "group " + f.Text("group")
	case f.ofTransaction() && lang == Chinese:
		return "事务 " + f.Text("id")
	case f.ofTransaction():
		return "txn " + f.Text("id")
	case f.Broker >= 0:
		return "broker " + strconv.Itoa(int(f.Broker))
	case strings.HasPrefix(f.Source, "zookeeper") || f.Text("target") == "zookeeper":
		return "ZooKeeper"
	case lang == Chinese:
		return "集群"
	}
	return "cluster"
}

func (f Fact) ofTransaction() bool {
	return f.Text("id") != "" && (strings.HasPrefix(f.Kind, "transaction.") || f.Kind == KindProducerFenced)
}

// fill puts the fact's values into a sentence of factWords.
func (f Fact) fill(sentence string, lang Lang) string {
	var b strings.Builder
	for sentence != "" {
		before, rest, optional := strings.Cut(sentence, "[")
		text, _ := f.substitute(before, lang)
		b.WriteString(text)
		if !optional {
			break
		}
		part, after, _ := strings.Cut(rest, "]")
		for choice := range strings.SplitSeq(part, "|") {
			if text, known := f.substitute(choice, lang); known {
				b.WriteString(text)
				break
			}
		}
		sentence = after
	}
	return b.String()
}

// substitute replaces every {name}; known is false when one of them has no value.
func (f Fact) substitute(text string, lang Lang) (filled string, known bool) {
	var b strings.Builder
	known = true
	for {
		before, rest, found := strings.Cut(text, "{")
		b.WriteString(before)
		if !found {
			return b.String(), known
		}
		name, after, _ := strings.Cut(rest, "}")
		value := f.value(name, lang)
		known = known && value != ""
		if value == "" {
			value = "?"
		}
		b.WriteString(value)
		text = after
	}
}

func (f Fact) value(name string, lang Lang) string {
	switch name {
	case "by":
		return f.byWords(lang)
	case "again": // there were writes before, and then an election
		return f.againWords(lang)
	case "broker":
		return strconv.Itoa(int(f.Broker))
	}
	if commit, ok := f.Fields["commit"].(bool); ok && name == "outcome" {
		return outcomeWords(commit, lang)
	}
	if name == "reason" && lang == Chinese {
		return reasonWords(f.Text(name))
	}
	if ids := f.Ints(name); ids != nil {
		return idWords(ids, lang)
	}
	n, ok := f.Int(name)
	switch {
	case ok && n == -1 && (name == "old" || name == "new"):
		return noneWord(lang)
	case ok:
		return strconv.FormatInt(n, 10)
	case f.Fields[name] == nil:
		return ""
	}
	if x, ok := f.Fields[name].(float64); ok {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return fmt.Sprint(f.Fields[name])
}

// reasons are the controller's reasons for an election, in Chinese.
var reasons = map[string]string{
	"new partition":       "新分区",
	"leader offline":      "领导者离线",
	"unclean election":    "不洁选举",
	"preferred leader":    "首选领导者",
	"controlled shutdown": "受控关闭",
	"reassignment":        "重新分配",
}

func outcomeWords(commit bool, lang Lang) string {
	words := map[Lang][2]string{English: {"abort", "commit"}, Chinese: {"中止", "提交"}}[lang]
	if commit {
		return words[1]
	}
	return words[0]
}

// reasonWords is a reason in Chinese; one that is not known stays as it is.
func reasonWords(reason string) string {
	if zh, ok := reasons[reason]; ok {
		return zh
	}
	return reason
}

// againWords: a partition's first leader epoch has had no writes before.
func (f Fact) againWords(lang Lang) string {
	epoch, _ := f.Int("epoch")
	switch {
	case f.SinceCause < 0 || epoch <= 0:
		return ""
	case lang == Chinese:
		return "再次"
	}
	return "again"
}

func (f Fact) byWords(lang Lang) string {
	switch {
	case f.By == "":
		return ""
	case lang == Chinese && f.By == "you":
		return "由你"
	case lang == Chinese:
		return "由 " + f.By + " "
	}
	return "by " + f.By
}

// idWords writes broker ids as Kafka's own tools order them, divided by spaces.
func idWords(ids []int32, lang Lang) string {
	if len(ids) == 0 {
		return noneWord(lang)
	}
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = strconv.Itoa(int(id))
	}
	return strings.Join(words, " ")
}

func noneWord(lang Lang) string {
	if lang == Chinese {
		return "无"
	}
	return "none"
}

// plain says a fact of an unknown kind.
func (f Fact) plain() string {
	words := []string{f.Kind}
	for _, name := range sortedKeys(f.Fields) {
		words = append(words, name+" "+f.value(name, English))
	}
	return strings.Join(words, ", ")
}
