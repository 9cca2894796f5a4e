// Package spec turns a cluster file into a validated [Plan]: what is to run, where, with which properties. It starts nothing,
// creates nothing and looks at nothing but the files that it is given to read.
//
// What a person wrote wrongly is an [Error]: it names the file, the line and column where they are known, and what to do.
//
// # Overrides
//
// A setting can be changed for one start without editing a file:
//
//	min.insync.replicas=2                  for every broker
//	broker.2:log.segment.bytes=1048576     for broker 2
//	zookeeper:tickTime=500                 for the embedded ZooKeeper, by zoo.cfg's key
//
// Brokers whose zookeeper.connect names the embedded ZooKeeper follow an overridden clientPort.
package spec

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"klab/broker/config"
)

// Plan is a cluster as it is to run. Every path in it is absolute.
type Plan struct {
	Name      string
	Home      string // the cluster's own directory
	File      string // the cluster file, as the person named it
	ZooKeeper ZooKeeper
	Brokers   []Broker // by their place in the cluster file; ids, ports and directories are distinct
}

// ZooKeeper is what the brokers coordinate through.
type ZooKeeper struct {
	Embedded bool
	Connect  string            // zookeeper.connect of the brokers, with the chroot if there is one
	Host     string            // where the embedded server is to listen; empty: on every address
	Port     int               // its clientPort
	Dirs     []string          // its dataDir, and its dataLogDir where that is another
	Props    map[string]string // its zoo.cfg
}

// Broker is one broker process.
type Broker struct {
	ID     int32
	Host   string            // the first advertised listener: what a client connects to
	Port   int               //
	Listen []Address         // what it is to bind
	Dirs   []string          // log.dirs
	Props  map[string]string // its server.properties after all overrides, log.dirs absolute
	Label  string            // its file, for messages
}

// Address is a host and port to bind; an empty host means every address.
type Address struct {
	Host string
	Port int
}

// Error is a mistake in what a person gave: a cluster file, a broker's file or an override.
type Error struct{ Err error }

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

func mistake(format string, args ...any) error {
	return &Error{Err: fmt.Errorf(format, args...)}
}

// Source is where a cluster's files come from.
type Source struct {
	File string                            // the cluster file
	Read func(name string) ([]byte, error) // reads File, or a file that it names
	Join func(name string) string          // where a file that File names is
	// CheckZooKeeper says what is wrong with a zoo.cfg, and which of its keys ZooKeeper does not have; nil leaves that to the
	// ZooKeeper process.
	CheckZooKeeper func(props map[string]string) (unknown []string, err error)
}

// Disk is a cluster file on the disk; the files it names are relative to it.
func Disk(file string) Source {
	return Source{
		File: file,
		Read: os.ReadFile,
		Join: func(name string) string {
			if filepath.IsAbs(name) {
				return name
			}
			return filepath.Join(filepath.Dir(file), filepath.FromSlash(name))
		},
	}
}

// Embedded is a cluster file in fsys.
func Embedded(fsys fs.FS, file string) Source {
	return Source{
		File: file,
		Read: func(name string) ([]byte, error) { return fs.ReadFile(fsys, name) },
		Join: func(name string) string { return path.Join(path.Dir(file), name) },
	}
}

// Load reads a cluster and everything it names, applies the overrides, and checks the whole. home is klab's home, below
// which the cluster's own directory lies.
func Load(src Source, overrides []string, home string) (Plan, error) {
	file, err := readClusterFile(src)
	if err != nil {
		return Plan{}, err
	}
	change, err := parseOverrides(overrides)
	if err != nil {
		return Plan{}, err
	}
	plan := Plan{Name: file.Name, Home: filepath.Join(home, filepath.FromSlash(file.Home)), File: src.File}
	zookeeper, err := planZooKeeper(src, file, change, plan.Home)
	if err != nil {
		return Plan{}, err
	}
	plan.ZooKeeper = zookeeper.planned
	for _, name := range file.Brokers {
		b, err := loadBroker(src, name, zookeeper, change, plan.Home)
		if err != nil {
			return Plan{}, err
		}
		plan.Brokers = append(plan.Brokers, b)
	}
	if err := change.checkBrokersExist(plan.Brokers); err != nil {
		return Plan{}, err
	}
	if err := checkApart(plan); err != nil {
		return Plan{}, err
	}
	plan.ZooKeeper.Connect = plan.Brokers[0].Props["zookeeper.connect"]
	return plan, nil
}

func loadBroker(src Source, name string, zookeeper coordination, change overrides, home string) (Broker, error) {
	label := src.Join(name)
	props, err := readBrokerFile(src, label)
	if err != nil {
		return Broker{}, &Error{Err: err}
	}
	zookeeper.connect(props)
	if err := change.applyToBroker(props); err != nil {
		return Broker{}, err
	}
	b, err := planBroker(label, props, home)
	if err != nil {
		return Broker{}, err
	}
	return b, zookeeper.check(b)
}

// ReadBrokerFile reads a broker's file on the disk: TOML when it ends in .toml, else Java properties.
func ReadBrokerFile(file string) (map[string]string, error) {
	props, err := readBrokerFile(Disk(file), file)
	if err != nil {
		return nil, &Error{Err: err}
	}
	return props, nil
}

// ReadZooKeeperFile reads a ZooKeeper's file on the disk: TOML with zoo.cfg's keys when it ends in .toml, else a zoo.cfg.
func ReadZooKeeperFile(file string) (map[string]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, mistake("cannot read ZooKeeper's file: %w", err)
	}
	if filepath.Ext(file) == ".toml" {
		return parseZooKeeperTOML(file, string(text))
	}
	props, err := config.ParseProperties(string(text))
	if err != nil {
		return nil, mistake("cannot read %s: %w", file, err)
	}
	return props, nil
}

func readBrokerFile(src Source, file string) (map[string]string, error) {
	text, err := src.Read(file)
	if err != nil {
		return nil, fmt.Errorf("cannot read the broker's file: %w", err)
	}
	if filepath.Ext(file) == ".toml" {
		return config.ParseTOML(file, string(text))
	}
	props, err := config.ParseProperties(string(text))
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", file, err)
	}
	return props, nil
}

func planBroker(label string, props map[string]string, home string) (Broker, error) {
	cfg, err := config.Load(props)
	if err != nil {
		return Broker{}, mistake("%s: %w", label, err)
	}
	b := Broker{ID: int32(cfg.Int("broker.id")), Props: props, Label: label}
	if b.ID < 0 {
		return Broker{}, mistake("%s: broker.id is missing; give every broker of a cluster file its own, such as broker.id = 1", label)
	}
	bound, err := cfg.Listeners()
	if err != nil {
		return Broker{}, mistake("%s: %w", label, err)
	}
	for _, e := range bound {
		if e.Port == 0 {
			return Broker{}, mistake("%s: listeners has port 0 (%s); give the broker a fixed port", label, e)
		}
		b.Listen = append(b.Listen, Address{e.Host, e.Port})
	}
	advertised, err := cfg.AdvertisedListeners()
	if err != nil {
		return Broker{}, mistake("%s: %w", label, err)
	}
	b.Host, b.Port = advertised[0].Host, advertised[0].Port
	b.Dirs = logDirs(cfg, home)
	props["log.dirs"] = joinList(b.Dirs)
	return b, nil
}
