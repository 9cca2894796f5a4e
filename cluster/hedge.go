package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// hedgeAfter is how long one broker is waited for before the next is asked as well.
const hedgeAfter = 100 * time.Millisecond

// hedged asks the brokers at addresses, in that order, each a little after the one before or at once when that one failed,
// and returns the first answer and who gave it. Those still being asked then are told to stop.
func hedged[T any](ctx context.Context, addresses []string, ask func(ctx context.Context, address string) (T, error)) (T, string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		value T
		from  string
		err   error
	}
	answers := make(chan answer, len(addresses))
	var failures []error
	next := time.NewTimer(0)
	defer next.Stop()
	for asked := 0; len(failures) < len(addresses); {
		select {
		case <-next.C:
			if asked == len(addresses) {
				continue
			}
			address := addresses[asked]
			asked++
			go func() {
				value, err := ask(ctx, address)
				answers <- answer{value, address, err}
			}()
			next.Reset(hedgeAfter)
		case a := <-answers:
			if a.err == nil {
				return a.value, a.from, nil
			}
			failures = append(failures, fmt.Errorf("%s: %w", a.from, a.err))
			next.Reset(0)
		}
	}
	var none T
	return none, "", errors.Join(failures...)
}
