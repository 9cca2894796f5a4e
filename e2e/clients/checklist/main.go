package checklist

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"sync"
	"time"
)

// checkTimeout bounds one check.
const checkTimeout = 3 * time.Minute

// suite is one run of the checklist against one cluster.
type suite struct {
	client Client
	prefix string
}

// name makes a topic or group of this run.
func (s suite) name(what string) string { return s.prefix + what }

type check struct {
	name string
	run  func(context.Context) error
}

// Main runs the checklist with the client that open makes for the bootstrap servers of the command line.
func Main(library string, open func(bootstrap []string) (Client, error)) {
	if len(os.Args) < 2 {
		fmt.Fprintf(os.Stderr, "usage: %s HOST:PORT,… [PATTERN]\n", library)
		os.Exit(2)
	}
	pattern := "*"
	if len(os.Args) > 2 {
		pattern = os.Args[2]
	}
	client, err := open(strings.Split(os.Args[1], ","))
	if err != nil {
		fmt.Printf("FAIL open: %v\n", err)
		os.Exit(1)
	}
	s := suite{client, library + "-" + strings.ToLower(rand.Text()[:6]) + "-"}
	if !s.run(pattern) {
		os.Exit(1)
	}
}

// run runs the checks that match; those of groups wait for timers most of the time and so run beside the others.
func (s suite) run(pattern string) bool {
	ok := true
	var mu sync.Mutex
	do := func(c check) {
		if match, _ := path.Match(pattern, c.name); !match {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
		defer cancel()
		err := c.run(ctx)
		mu.Lock()
		defer mu.Unlock()
		ok = report(c.name, err) && ok
	}
	var groups sync.WaitGroup
	for _, c := range s.groupChecks() {
		groups.Go(func() { do(c) })
	}
	for _, c := range s.checks() {
		do(c)
	}
	groups.Wait()
	return ok
}

func report(name string, err error) bool {
	if unsupported, is := errors.AsType[Unsupported](err); is {
		fmt.Printf("n/a %s: %s\n", name, unsupported)
		return true
	}
	if err != nil {
		fmt.Printf("FAIL %s: %s\n", name, strings.ReplaceAll(err.Error(), "\n", " "))
		return false
	}
	fmt.Println("ok", name)
	return true
}

func (s suite) checks() []check {
	var all []check
	codecs := s.client.Codecs()
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		all = append(all, check{"produce-" + codec, func(ctx context.Context) error { return s.produce(ctx, codec, codecs) }})
	}
	return append(all,
		check{"idempotent", s.idempotent},
		check{"transaction", s.transaction},
		check{"transaction-offsets", s.transactionOffsets},
		check{"transaction-fenced", s.transactionFenced},
		check{"seek-by-time", s.seekByTime},
		check{"commit-and-resume", s.commitAndResume},
		check{"admin-topics", s.adminTopics},
		check{"admin-configs", s.adminConfigs},
		check{"admin-offsets", s.adminOffsets},
		check{"admin-delete-records", s.adminDeleteRecords},
		check{"admin-offset-delete", s.adminOffsetDelete},
		check{"admin-groups", s.adminGroups},
		check{"admin-group-delete", s.adminGroupDelete},
	)
}

// until repeats a question, since brokers hear of a change one after the other.
func until(ctx context.Context, what string, holds func() (bool, error)) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(45 * time.Second)
	for {
		ok, err := holds()
		if ok {
			return nil
		}
		if _, unsupported := errors.AsType[Unsupported](err); unsupported {
			return err
		}
		select {
		case <-deadline:
			return fmt.Errorf("not within 45 s: %s (%v)", what, err)
		case <-ctx.Done():
			return fmt.Errorf("not within the check's time: %s (%v)", what, err)
		case <-tick.C:
		}
	}
}
