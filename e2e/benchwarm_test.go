//go:build bench

package e2e

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// warmTime is how long each cluster works before its speed is measured: Java compiles what it runs often, and compiles it
// again.
const warmTime = 30 * time.Second

func warm(t *testing.T, sides []side) {
	for _, s := range sides {
		s.warm(t)
	}
}

// warm has a cluster work as it will when it is measured: half of the time flat out, half of it with small requests.
func (s side) warm(t *testing.T) {
	topic := s.topic("warm", 0)
	client := s.client(t, kgo.DefaultProduceTopic(topic), kgo.ProducerLinger(5*time.Millisecond))
	defer client.Close()
	s.createTopic(t, client, topic, 6)
	defer s.deleteTopic(t, topic)
	value := make([]byte, 100)
	for end := time.Now().Add(warmTime / 2); time.Now().Before(end); {
		client.Produce(context.Background(), &kgo.Record{Value: value}, nil)
	}
	if err := client.Flush(context.Background()); err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	pace(t, s, client, warmTime/2)
}

// justStarted measures a part on clusters that have not worked yet: each round starts its own.
func justStarted(p part) part {
	run := p.run
	p.name = "just started: " + p.name
	p.rounds = 3
	p.run = func(t *testing.T, b *bench, s side, round int) (values []float64) {
		t.Run(fmt.Sprintf("%s %s %d", p.name, s.name, round), func(t *testing.T) { // the cluster stops with this
			s.start(t)
			s.ready(t)
			values = run(t, b, s, round)
		})
		return values
	}
	return p
}

// memoryAvailable is what the kernel believes that programs can have, in bytes.
func memoryAvailable(t *testing.T) int {
	t.Helper()
	data, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		t.Fatal(err)
	}
	var kib int
	_, after, found := strings.Cut(string(data), "MemAvailable:")
	if _, err := fmt.Sscan(after, &kib); !found || err != nil {
		t.Fatalf("cannot find MemAvailable in /proc/meminfo: %v", err)
	}
	return kib << 10
}

// touched is how much memory is touched before a round that fills the page cache: more than such a round writes.
const touched = 6 << 30

// touchMemory uses and frees memory, at most half of what is available. A virtual machine gives free pages back to its host
// after about a second, and the first touch of each then costs microseconds: several times what a broker, whichever, spends
// on writing it. The rounds would measure the host.
func touchMemory(t *testing.T) {
	size := min(touched, memoryAvailable(t)/2)
	memory, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatalf("cannot touch %d bytes of memory: %v", size, err)
	}
	for at := 0; at < size; at += os.Getpagesize() {
		memory[at] = 1
	}
	if err := syscall.Munmap(memory); err != nil {
		t.Fatal(err)
	}
}

// restTime is how long a virtual machine takes to give freed gigabytes back to its host. Meanwhile it stands still now and
// then, for 30 ms, if the host limits its processors.
const restTime = 45 * time.Second

// rest waits until that is over.
func rest(freed time.Time) {
	if wait := restTime - time.Since(freed); !freed.IsZero() && wait > 0 {
		time.Sleep(wait)
	}
}
