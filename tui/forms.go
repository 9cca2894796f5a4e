package tui

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"klab/cluster"
	"klab/tui/cell"
	"klab/tui/keymap"
	"klab/tui/num"
	"klab/tui/safe"
	"klab/tui/words"
)

// newTopicForm asks for a topic's name, partitions, replicas and configuration.
func newTopicForm(e *env) *form {
	replication := strconv.Itoa(max(min(3, len(e.snap.Brokers)), 1))
	return &form{heading: words.HeadNewTopic, submit: createTopic, fields: []field{
		{label: words.FieldName, hint: words.HintName},
		{label: words.FieldPartitions, line: cell.NewInput("3")},
		{label: words.FieldReplication, line: cell.NewInput(replication)},
		{label: words.FieldConfig, hint: words.HintConfig},
	}}
}

func createTopic(e *env, f *form) effect {
	t := cluster.NewTopic{Name: f.fields[0].value()}
	if why := wrongName(e, t.Name); !why.Empty() {
		return f.refuse(0, why)
	}
	partitions, ok := number(f.fields[1].value(), 1, 10_000)
	if !ok {
		return f.refuse(1, e.format(words.WrongNumber, 1, 10_000))
	}
	brokers := max(len(e.snap.Brokers), 1)
	replication, ok := number(f.fields[2].value(), 1, brokers)
	if !ok {
		return f.refuse(2, e.format(words.WrongReplication, brokers))
	}
	t.Partitions, t.ReplicationFactor = int32(partitions), int16(replication)
	settings, ok := pairs(f.fields[3].value())
	if !ok {
		return f.refuse(3, e.text(words.WrongConfig))
	}
	t.Config = map[string]string{}
	for _, s := range settings {
		t.Config[s.name] = s.value
	}
	src, done := e.src, e.format(words.CreatedTopic, t.Name)
	return operate{label: e.format(words.CreatingTopic, t.Name), do: func(ctx context.Context) effect {
		if err := src.CreateTopic(ctx, t); err != nil {
			return f.fail(err)
		}
		return all{goBack{}, say{text: done}}
	}}
}

// fail shows an operation's error in the form, which stays open.
func (f *form) fail(err error) effect {
	return update(func() effect {
		f.note, f.bad = sentence(err), true
		return nil
	})
}

// wrongName says why Kafka would not take a topic's name; empty: it would.
func wrongName(e *env, name string) safe.Text {
	legal := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-'
	}
	switch {
	case name == "", name == ".", name == "..", len(name) > 249, strings.ContainsFunc(name, func(r rune) bool { return !legal(r) }):
		return e.text(words.WrongName)
	}
	if _, exists := e.snap.Topic(name); exists {
		return e.format(words.TopicExists, name)
	}
	return safe.Text{}
}

func number(s string, low, high int) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= low && n <= high
}

// pair is one name=value.
type pair struct{ name, value string }

// pairs reads "a=1 b=2", also divided by commas. What has no name goes on with the value before it: cleanup.policy=compact,delete.
func pairs(s string) ([]pair, bool) {
	var read []pair
	for _, word := range strings.Fields(s) {
		for i, part := range strings.Split(word, ",") {
			name, value, named := strings.Cut(part, "=")
			switch {
			case part == "":
			case named && name != "":
				read = append(read, pair{name, value})
			case !named && i > 0 && len(read) > 0:
				read[len(read)-1].value += "," + part
			default:
				return nil, false
			}
		}
	}
	return read, true
}

// newPartitionsForm asks for a topic's new number of partitions.
func newPartitionsForm(e *env, topic string) *form {
	t, _ := e.snap.Topic(topic)
	now := len(t.Partitions)
	return &form{
		heading: words.HeadAddPartitions, note: e.format(words.AddPartitionsWarns, topic, now),
		fields: []field{{label: words.FieldPartitions, line: cell.NewInput(strconv.Itoa(now + 1))}},
		submit: func(e *env, f *form) effect {
			total, ok := number(f.fields[0].value(), now+1, 10_000)
			if !ok {
				return f.refuse(0, e.format(words.WrongNumber, now+1, 10_000))
			}
			src, done := e.src, e.format(words.PartitionsNow, topic, total)
			return operate{label: e.format(words.AddingPartitions, topic), do: func(ctx context.Context) effect {
				if err := src.AddPartitions(ctx, topic, total); err != nil {
					return f.fail(err)
				}
				return all{goBack{}, say{text: done}}
			}}
		},
	}
}

// Fields of the produce form.
const (
	produceKey = iota
	produceValue
	produceHeaders
	producePartition
	produceAcks
	produceCodec
)

// newProduceForm asks for a record. It stays open, so that one record after the other can be written.
func newProduceForm(e *env, topic string, partition int32) *form {
	where := cell.Input{}
	if partition >= 0 {
		where = cell.NewInput(strconv.Itoa(int(partition)))
	}
	codecs := make([]string, len(cluster.Codecs))
	for i, codec := range cluster.Codecs {
		codecs[i] = string(codec)
	}
	note := e.format(words.ProduceTo, topic, keymap.KeyOf(keymap.Form, keymap.ToggleNull))
	w := &producing{topic: topic}
	return &form{heading: words.HeadProduce, note: note, fields: []field{
		{label: words.FieldKey, hint: words.HintEmpty, nullable: true, null: true},
		{label: words.FieldValue, hint: words.HintEmpty, nullable: true},
		{label: words.FieldHeaders, hint: words.HintHeaders},
		{label: words.FieldPartition, hint: words.HintPartition, line: where},
		{label: words.FieldAcks, choices: []string{"all", "1", "0"}},
		{label: words.FieldCodec, choices: codecs},
	}, submit: w.submit, current: produceValue}
}

// producing is what the produce form remembers from one record to the next.
type producing struct {
	topic   string
	written []string // the fields' texts after the last record was written; nil: none was
}

// submit writes the record. It writes none if nothing was typed since the last: Enter pressed twice is one record.
func (w *producing) submit(e *env, f *form) effect {
	sent := textsOf(f.fields)
	if slices.Equal(sent, w.written) {
		f.note, f.bad = e.text(words.NothingTyped), false
		return nil
	}
	req, ok := w.request(e, f)
	if !ok {
		return nil
	}
	src, book := e.src, e.words
	return operate{label: e.format(words.Writing, w.topic), do: func(ctx context.Context) effect {
		result, err := src.Produce(ctx, req)
		if err != nil {
			return f.fail(err)
		}
		return update(func() effect {
			f.note, f.bad = wrote(book, w.topic, result), false
			w.next(f, sent)
			return nil
		})
	}}
}

// next readies the form for another record, unless that is being typed already.
func (w *producing) next(f *form, sent []string) {
	if !slices.Equal(textsOf(f.fields), sent) {
		return
	}
	value := &f.fields[produceValue]
	value.line.Clear()
	value.null = false
	w.written = textsOf(f.fields)
}

// request is what the fields ask for; false: one of them is refused, and says why.
func (w *producing) request(e *env, f *form) (cluster.ProduceRequest, bool) {
	r := cluster.NewRecord{Key: f.fields[produceKey].payload(), Value: f.fields[produceValue].payload()}
	headers, ok := pairs(f.fields[produceHeaders].value())
	if !ok {
		f.refuse(produceHeaders, e.text(words.WrongHeaders))
		return cluster.ProduceRequest{}, false
	}
	for _, h := range headers {
		r.Headers = append(r.Headers, cluster.Header{Key: h.name, Value: []byte(h.value)})
	}
	if s := f.fields[producePartition].value(); s != "" {
		t, _ := e.snap.Topic(w.topic)
		n, ok := number(s, 0, len(t.Partitions)-1)
		if !ok {
			f.refuse(producePartition, e.format(words.WrongNumber, 0, len(t.Partitions)-1))
			return cluster.ProduceRequest{}, false
		}
		r.Partition = new(int32(n))
	}
	return cluster.ProduceRequest{
		Topic: w.topic, Records: []cluster.NewRecord{r},
		Acks: cluster.Acks(f.fields[produceAcks].value()), Codec: cluster.Codec(f.fields[produceCodec].value()),
	}, true
}

func wrote(book *words.Book, topic string, r cluster.ProduceResult) safe.Text {
	if len(r.Acks) == 0 || r.Acks[0].Offset < 0 {
		return book.Format(words.WroteUnknown, topic)
	}
	return book.Format(words.Wrote, topic, r.Acks[0].Partition, num.Count(r.Acks[0].Offset), num.Millis(r.Took))
}

// newConnectForm asks for addresses of another cluster.
func newConnectForm(e *env) *form {
	return &form{heading: words.HeadConnect, fields: []field{{label: words.FieldBootstrap, hint: words.HintBootstrap}}, submit: connect}
}

func connect(e *env, f *form) effect {
	addresses := strings.FieldsFunc(f.fields[0].value(), func(r rune) bool { return r == ',' || r == ' ' })
	if len(addresses) == 0 {
		return f.refuse(0, e.text(words.WrongBootstrap))
	}
	for _, a := range addresses {
		if _, port, ok := strings.Cut(a, ":"); !ok || port == "" {
			return f.refuse(0, e.text(words.WrongBootstrap))
		}
	}
	dial := e.options.Connect
	return operate{label: e.format(words.Connecting, addresses[0]), limit: openLimit, do: func(ctx context.Context) effect {
		src, err := dial(ctx, addresses)
		if err != nil {
			return f.fail(err)
		}
		return attach{src}
	}}
}
