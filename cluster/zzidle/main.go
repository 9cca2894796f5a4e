// Command zzidle measures.
package main

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

	"klab/cluster"
)

func main() {
	c, err := cluster.Open(context.Background(), cluster.Target{Home: os.Args[1]})
	if err != nil {
		panic(err)
	}
	t0 := time.Now()
	c.Ready(context.Background())
	fmt.Println("ready after", time.Since(t0))
	defer c.Watch("orders")()
	cpu := func() float64 {
		var r syscall.Rusage
		syscall.Getrusage(0, &r)
		return float64(r.Utime.Sec+r.Stime.Sec) + float64(r.Utime.Usec+r.Stime.Usec)/1e6
	}
	show := func(n int) {
		for range n {
			time.Sleep(250 * time.Millisecond)
			s := c.Snapshot()
			now := time.Now()
			fmt.Printf("age %4d ms  %s |", s.Age(now).Milliseconds(), s.Health.Words)
			for _, b := range s.Brokers {
				fmt.Printf(" %d:%v", b.ID, b.State)
			}
			for p := range int32(3) {
				part, _ := s.Partition("orders", p)
				fmt.Printf(" | L%d hw %d age %d ms", part.Leader, part.HighWatermark, now.Sub(part.At).Milliseconds())
				for _, l := range part.Logs {
					fmt.Printf(" %d:%d-%d(%d)", l.Broker, l.EndOffset, l.Lag, now.Sub(l.CaughtUp).Milliseconds())
				}
			}
			fmt.Println()
		}
	}
	a := cpu()
	time.Sleep(5 * time.Second)
	fmt.Printf("watching: %.2f %% of a core\n", (cpu()-a)*20)
	show(2)
	s := c.Snapshot()
	fmt.Println("pause", s.Controller)
	victim := s.Controller
	c.BrokerAction(context.Background(), cluster.Pause, victim)
	show(14)
	fmt.Println("resume")
	c.BrokerAction(context.Background(), cluster.Resume, victim)
	show(8)
	for _, f := range c.Timeline().Last(16) {
		a, b := f.Words(cluster.Chinese)
		fmt.Println(f.Time.Format("05.000"), a, b, f.SinceCause.Milliseconds())
	}
	c.ElectPreferred(context.Background(), "")
	fmt.Println(c.Commands().Last(3))
}
