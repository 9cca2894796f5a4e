package server

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Config is what zoo.cfg says. The zero value of a field is ZooKeeper's default.
type Config struct {
	DataDir           string        // dataDir: snapshots; must be set
	DataLogDir        string        // dataLogDir: the transaction log; DataDir if empty
	TickTime          time.Duration // tickTime: the unit of session timeouts; 3 s
	ClientPort        int           // clientPort; 0 is any free port
	ClientPortAddress string        // clientPortAddress; empty is every address
	MinSessionTimeout time.Duration // minSessionTimeout; 2 ticks
	MaxSessionTimeout time.Duration // maxSessionTimeout; 20 ticks

	MaxClientCnxns         int      // maxClientCnxns: connections an address may have; 60, negative is any number
	GlobalOutstandingLimit int      // globalOutstandingLimit: requests waiting before readers stop; 1000
	JuteMaxBuffer          int      // jute.maxbuffer: bytes in a request; 1,048,575
	FourLetterWords        []string // 4lw.commands.whitelist, "*" is all; srvr

	SnapCount     int   // snapCount: transactions between snapshots; 100,000
	SnapSizeLimit int64 // snapSizeLimitInKb, in bytes: log between snapshots; 64 MiB (ZooKeeper: 4 GiB)
	SnapRetain    int   // autopurge.snapRetainCount: snapshots kept, at least 3; they are purged at each new one
	ForceSync     *bool // forceSync: fsync before answering; true

	ContainerCheckInterval time.Duration // znode.container.checkIntervalMs; 1 min
	ContainerMaxNeverUsed  time.Duration // znode.container.maxNeverUsedIntervalMs; 0 is never
	ExtendedTypes          bool          // extendedTypesEnabled: TTL nodes
	EnforceQuota           bool          // enforceQuota
	SkipACL                bool          // skipACL
	SuperDigest            string        // DigestAuthenticationProvider.superDigest: "user:base64(SHA-1(user:password))"

	// Unknown holds, sorted, the keys that ParseConfig did not know and ignored, as ZooKeeper does.
	Unknown []string
}

// defaultClientPort is what ParseConfig takes if zoo.cfg has no clientPort.
const defaultClientPort = 2181

// ParseConfig reads zoo.cfg's keys. ZooKeeper's Java system properties are keys too, with or without their prefix
// "zookeeper.". An error names the key, its value and what is allowed.
func ParseConfig(props map[string]string) (Config, error) {
	c := Config{ClientPort: defaultClientPort}
	for key, value := range props {
		if err := c.set(strings.TrimPrefix(key, "zookeeper."), strings.TrimSpace(value)); err != nil {
			return Config{}, fmt.Errorf("cannot use %s=%s: %w", key, value, err)
		}
	}
	slices.Sort(c.Unknown)
	if c.DataDir == "" {
		return Config{}, fmt.Errorf("cannot use configuration: dataDir is missing; set it to the directory that keeps the data")
	}
	full := c.withDefaults()
	if full.MinSessionTimeout > full.MaxSessionTimeout {
		return Config{}, fmt.Errorf("cannot use minSessionTimeout=%d: it must not be above maxSessionTimeout, %d",
			full.MinSessionTimeout.Milliseconds(), full.MaxSessionTimeout.Milliseconds())
	}
	return c, nil
}

func (c *Config) set(key, value string) (err error) {
	switch key {
	case "dataDir":
		c.DataDir = value
	case "dataLogDir":
		c.DataLogDir = value
	case "clientPortAddress":
		c.ClientPortAddress = value
	case "DigestAuthenticationProvider.superDigest":
		c.SuperDigest = value
	case "4lw.commands.whitelist":
		c.FourLetterWords = strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
	case "tickTime":
		c.TickTime, err = milliseconds(value, 1)
	case "minSessionTimeout":
		c.MinSessionTimeout, err = timeoutOrDefault(value)
	case "maxSessionTimeout":
		c.MaxSessionTimeout, err = timeoutOrDefault(value)
	case "znode.container.checkIntervalMs":
		c.ContainerCheckInterval, err = milliseconds(value, 1)
	case "znode.container.maxNeverUsedIntervalMs":
		c.ContainerMaxNeverUsed, err = milliseconds(value, 0)
	default:
		return c.setNumberOrSwitch(key, value)
	}
	return err
}

func (c *Config) setNumberOrSwitch(key, value string) (err error) {
	switch key {
	case "clientPort":
		c.ClientPort, err = number(value, 0, 65535)
	case "maxClientCnxns":
		if c.MaxClientCnxns, err = number(value, 0, 1<<30); c.MaxClientCnxns == 0 {
			c.MaxClientCnxns = -1
		}
	case "globalOutstandingLimit":
		c.GlobalOutstandingLimit, err = number(value, 1, 1<<20)
	case "jute.maxbuffer":
		c.JuteMaxBuffer, err = number(value, 64, 1<<30)
	case "snapCount":
		c.SnapCount, err = number(value, 2, 1<<30)
	case "autopurge.snapRetainCount":
		c.SnapRetain, err = number(value, 3, 1<<20)
	case "snapSizeLimitInKb":
		var kib int
		kib, err = number(value, 1, 1<<40)
		c.SnapSizeLimit = int64(kib) << 10
	case "forceSync":
		var on bool
		on, err = yesNo(value)
		c.ForceSync = &on
	case "extendedTypesEnabled":
		c.ExtendedTypes, err = yesNo(value)
	case "enforceQuota":
		c.EnforceQuota, err = yesNo(value)
	case "skipACL":
		c.SkipACL, err = yesNo(value)
	default:
		return c.ignore(key)
	}
	return err
}

// ignore accepts ZooKeeper's other keys. A list of servers is refused: it asks for what this server cannot be.
func (c *Config) ignore(key string) error {
	switch {
	case strings.HasPrefix(key, "server."):
		return fmt.Errorf("this server stands alone; for an ensemble use Apache ZooKeeper")
	case strings.HasPrefix(key, "admin."), strings.HasPrefix(key, "metricsProvider."):
		return nil
	}
	switch key {
	case "initLimit", "syncLimit", "standaloneEnabled", "reconfigEnabled", "autopurge.purgeInterval", "preAllocSize",
		"clientPortListenBacklog":
		return nil
	}
	c.Unknown = append(c.Unknown, key)
	return nil
}

// withDefaults returns c with every zero field replaced by what it stands for.
func (c Config) withDefaults() Config {
	setDefault(&c.DataLogDir, c.DataDir)
	setDefault(&c.TickTime, 3*time.Second)
	setDefault(&c.MinSessionTimeout, 2*c.TickTime)
	setDefault(&c.MaxSessionTimeout, max(20*c.TickTime, c.MinSessionTimeout))
	setDefault(&c.MaxClientCnxns, 60)
	setDefault(&c.GlobalOutstandingLimit, 1000)
	setDefault(&c.JuteMaxBuffer, 0xfffff)
	setDefault(&c.SnapCount, 100_000)
	setDefault(&c.SnapSizeLimit, 64<<20)
	setDefault(&c.SnapRetain, 3)
	setDefault(&c.ContainerCheckInterval, time.Minute)
	if c.FourLetterWords == nil {
		c.FourLetterWords = []string{"srvr"}
	}
	if c.ForceSync == nil {
		c.ForceSync = new(true)
	}
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func number(value string, low, high int) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("give a whole number from %d to %d", low, high)
	}
	return n, nil
}

func milliseconds(value string, low int) (time.Duration, error) {
	n, err := number(value, low, 1<<31-1)
	if err != nil {
		return 0, fmt.Errorf("%w, in milliseconds", err)
	}
	return time.Duration(n) * time.Millisecond, nil
}

// timeoutOrDefault reads a session timeout; -1 stands for the default, as in ZooKeeper.
func timeoutOrDefault(value string) (time.Duration, error) {
	if value == "-1" {
		return 0, nil
	}
	return milliseconds(value, 1)
}

func yesNo(value string) (bool, error) {
	switch strings.ToLower(value) {
	case "true", "yes":
		return true, nil
	case "false", "no":
		return false, nil
	}
	return false, fmt.Errorf("give true or false")
}
