package supervisor

import (
	"os"
	"time"

	"klab/launcher/lifecycle"
)

// Status is what is true of the cluster's processes now, as `klab status -o json` prints it.
type Status struct {
	Name       string           `json:"name"`
	State      Phase            `json:"state"` // of the cluster as a whole; each process has its own
	ReadyMs    float64          `json:"ready_ms"`
	Home       string           `json:"home"` // the cluster's own directory
	File       string           `json:"file"` // the cluster file it was started from
	Supervisor ProcessID        `json:"supervisor"`
	ZooKeeper  *ZooKeeperStatus `json:"zookeeper"`
	Controller int32            `json:"controller"` // as the brokers reported it; -1 unknown
	Brokers    []BrokerStatus   `json:"brokers"`
}

// ProcessID is a process and its resident memory.
type ProcessID struct {
	PID      int   `json:"pid"`
	RSSBytes int64 `json:"rss_bytes"` // -1 unknown
}

// ZooKeeperStatus is the embedded ZooKeeper, or where the ensemble is: then State is "external" and there is no PID.
type ZooKeeperStatus struct {
	Connect  string    `json:"connect"`
	PID      int       `json:"pid"` // 0: no process of ours
	State    string    `json:"state"`
	Since    time.Time `json:"since,omitzero"`
	RSSBytes int64     `json:"rss_bytes"`
}

// BrokerStatus is one broker's process.
type BrokerStatus struct {
	ID       int32           `json:"id"`
	Host     string          `json:"host"`
	Port     int             `json:"port"`
	PID      int             `json:"pid"` // 0: no process
	State    lifecycle.State `json:"state"`
	Since    time.Time       `json:"since"`             // when it came into this state
	Started  time.Time       `json:"started,omitzero"`  // when its process was started
	ReadyMs  float64         `json:"ready_ms"`          // from its start; 0: not ready yet
	RSSBytes int64           `json:"rss_bytes"`         // -1: no process, or unknown
	Failure  string          `json:"failure,omitempty"` // why it could not start, as it said itself
}

func (s *Supervisor) status() Status {
	s.mu.Lock()
	st := Status{
		Name: s.cfg.Plan.Name, State: s.phase, ReadyMs: milliseconds(s.readyAfter), Home: s.cfg.Plan.Home,
		File: s.cfg.Plan.File, Controller: s.controller,
	}
	s.mu.Unlock()
	st.Supervisor = ProcessID{PID: os.Getpid(), RSSBytes: residentBytes(os.Getpid())}
	st.ZooKeeper = s.zookeeperStatus()
	for i, p := range s.brokers() {
		b := s.cfg.Plan.Brokers[i]
		view := p.view()
		view.ID, view.Host, view.Port = b.ID, b.Host, b.Port
		st.Brokers = append(st.Brokers, view)
		if b.ID == st.Controller && !view.State.Alive() {
			st.Controller = -1
		}
	}
	return st
}

func (s *Supervisor) zookeeperStatus() *ZooKeeperStatus {
	st := &ZooKeeperStatus{Connect: s.cfg.Plan.ZooKeeper.Connect, State: "external", RSSBytes: -1}
	if zk := s.zookeeper(); zk != nil {
		view := zk.view()
		st.PID, st.State, st.Since, st.RSSBytes = view.PID, view.State.String(), view.Since, view.RSSBytes
	}
	return st
}

// view is what is true of the process now.
func (p *process) view() BrokerStatus {
	p.mu.Lock()
	v := BrokerStatus{State: p.state, Since: p.since, RSSBytes: -1}
	if p.run != nil {
		v.Started, v.ReadyMs = p.run.began, milliseconds(p.run.readyAfter)
		if p.run.failure != nil {
			v.Failure = p.run.failure.Message
		}
	}
	if p.state.Alive() {
		v.PID = p.run.pid
	}
	p.mu.Unlock()
	if v.PID != 0 {
		v.RSSBytes = residentBytes(v.PID)
	}
	return v
}
