package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"klab/cluster"
	"klab/launcher/supervisor"
)

func newStatusCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "status", Short: "show the cluster's processes", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			st, err := a.status(cmd.Context())
			if err != nil {
				return err
			}
			if a.out.json {
				return a.out.value(st)
			}
			return a.printStatus(st)
		},
	}
	a.outputFlag(cmd)
	return cmd
}

// status is what `klab status -o json` prints, field for field.
type status struct {
	Name       string          `json:"name"`
	State      string          `json:"state"`
	ReadyMs    float64         `json:"ready_ms"`
	Supervisor processStatus   `json:"supervisor"`
	ZooKeeper  zookeeperStatus `json:"zookeeper"`
	Controller int32           `json:"controller"` // -1: none
	Brokers    []brokerStatus  `json:"brokers"`
}

type processStatus struct {
	PID int `json:"pid"`
}

type zookeeperStatus struct {
	Connect string `json:"connect"`
	PID     int    `json:"pid"` // 0: not a process of klab's
	State   string `json:"state"`
	RSS     int64  `json:"rss_bytes"` // -1: unknown
}

type brokerStatus struct {
	ID    int32  `json:"id"`
	Host  string `json:"host"`
	Port  int32  `json:"port"`
	PID   int    `json:"pid"` // 0: no process, or not one of klab's
	State string `json:"state"`
	RSS   int64  `json:"rss_bytes"` // -1: unknown
}

func (a *app) status(ctx context.Context) (status, error) {
	if len(a.bootstrap) > 0 {
		return a.remoteStatus(ctx)
	}
	client, err := a.supervisor(ctx)
	if err != nil {
		return status{}, err
	}
	s, err := client.Status(ctx)
	if err != nil {
		return status{}, a.absent(err)
	}
	return newStatus(s), nil
}

func newStatus(s supervisor.Status) status {
	st := status{
		Name: s.Name, State: string(s.State), ReadyMs: s.ReadyMs, Supervisor: processStatus{s.Supervisor.PID}, Controller: s.Controller,
		ZooKeeper: zookeeperStatus{RSS: -1}, Brokers: []brokerStatus{},
	}
	if zk := s.ZooKeeper; zk != nil {
		st.ZooKeeper = zookeeperStatus{zk.Connect, zk.PID, zk.State, zk.RSSBytes}
	}
	for _, b := range s.Brokers {
		st.Brokers = append(st.Brokers, brokerStatus{b.ID, b.Host, int32(b.Port), b.PID, b.State.String(), b.RSSBytes})
	}
	return st
}

// remoteStatus is the status of a cluster that klab did not start: what its metadata shows.
func (a *app) remoteStatus(ctx context.Context) (status, error) {
	var st status
	err := a.with(ctx, func(c *cluster.Cluster) error {
		s, err := c.Glance(ctx)
		if err != nil {
			return err
		}
		st = status{Name: s.Name, State: "running", Controller: s.Controller, ZooKeeper: zookeeperStatus{RSS: -1}, Brokers: []brokerStatus{}}
		for _, b := range s.Brokers {
			st.Brokers = append(st.Brokers, brokerStatus{ID: b.ID, Host: b.Host, Port: b.Port, State: b.State.String(), RSS: -1})
		}
		return nil
	})
	return st, err
}

func (a *app) printStatus(st status) error {
	ready := ""
	if st.ReadyMs > 0 {
		ready = fmt.Sprintf(", ready after %.0f ms", st.ReadyMs)
	}
	if err := a.out.line("%s  %s%s", a.out.text(st.Name), st.State, ready); err != nil {
		return err
	}
	rows := [][]string{}
	if zk := st.ZooKeeper; zk.Connect != "" {
		rows = append(rows, []string{"zookeeper", zk.Connect, zk.State, "", process(zk.PID), byteSize(zk.RSS)})
	}
	for _, b := range st.Brokers {
		role := ""
		if b.ID == st.Controller {
			role = "controller"
		}
		rows = append(rows, []string{fmt.Sprintf("broker %d", b.ID), fmt.Sprintf("%s:%d", b.Host, b.Port), b.State, role, process(b.PID), byteSize(b.RSS)})
	}
	return a.out.table([]string{"PROCESS", "ADDRESS", "STATE", "", ">PID", ">MEMORY"}, rows)
}

func process(pid int) string {
	if pid == 0 {
		return "-"
	}
	return number(pid)
}
