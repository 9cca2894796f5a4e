package server

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
)

// The benchmarks run go-zookeeper over loopback, with fsync. BenchmarkFsync is the floor that writes cannot go below.

func BenchmarkFsync(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "f"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	f.Write(make([]byte, 1<<20))
	f.Sync()
	record := make([]byte, 150)
	at := int64(0)
	for b.Loop() {
		f.WriteAt(record, at%(1<<20-150))
		f.Sync()
		at += 150
	}
}

func benchServer(b *testing.B) *running {
	cfg := testConfig(b)
	cfg.ForceSync, cfg.MaxClientCnxns = nil, -1
	return start(b, cfg, Options{})
}

func BenchmarkSet(b *testing.B) {
	c := benchServer(b).client(10 * time.Second)
	must[string](b)(c.Create("/a", nil, 0, open))
	data := make([]byte, 100)
	for b.Loop() {
		must[*zk.Stat](b)(c.Set("/a", data, -1))
	}
}

func BenchmarkMulti(b *testing.B) {
	c := benchServer(b).client(10 * time.Second)
	must[string](b)(c.Create("/a", nil, 0, open))
	must[string](b)(c.Create("/epoch", nil, 0, open))
	data := make([]byte, 100)
	for b.Loop() {
		must[[]zk.MultiResponse](b)(c.Multi(&zk.CheckVersionRequest{Path: "/epoch", Version: 0}, &zk.SetDataRequest{Path: "/a", Data: data, Version: -1}))
	}
}

func BenchmarkGet(b *testing.B) {
	c := benchServer(b).client(10 * time.Second)
	must[string](b)(c.Create("/a", make([]byte, 100), 0, open))
	for b.Loop() {
		if _, _, err := c.Get("/a"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSetParallel shows what group commit gives many writers.
func BenchmarkSetParallel(b *testing.B) {
	r := benchServer(b)
	clients := make(chan *zk.Conn, 64)
	for i := range cap(clients) {
		c := r.client(10 * time.Second)
		must[string](b)(c.Create(fmt.Sprintf("/n%d", i), nil, zk.FlagEphemeral, open))
		clients <- c
	}
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		c := <-clients
		for pb.Next() {
			if _, err := c.Set("/n0", []byte("data"), -1); err != nil {
				b.Error(err)
				return
			}
		}
		clients <- c
	})
}

// BenchmarkOpen is the start on an empty directory, up to the bound port.
func BenchmarkOpen(b *testing.B) {
	parent := b.TempDir()
	for i := 0; b.Loop(); i++ {
		s, err := Open(Config{DataDir: filepath.Join(parent, fmt.Sprint(i)), ClientPortAddress: "127.0.0.1"}, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.Listen(); err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}
