package supervisor

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"klab/launcher/spec"
	"klab/port"
)

// markName is the file that makes a directory a cluster's: it says whose, and what else on the disk is its data.
const markName = "cluster.json"

// mark is the content of that file.
type mark struct {
	Name string   `json:"name"`
	Dirs []string `json:"dirs"` // data directories, wherever they are
}

// prepareHome creates a cluster's directories and makes sure that they are its own and can be written. The mark comes first: what
// follows it is recognised by the next start even if this one goes no further.
func prepareHome(plan spec.Plan) error {
	if err := checkOwner(plan); err != nil {
		return err
	}
	if err := checkWritable(plan.Home, anotherHome); err != nil {
		return err
	}
	text, err := json.Marshal(mark{Name: plan.Name, Dirs: dataDirs(plan)})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(plan.Home, markName), append(text, '\n'), 0o644); err != nil {
		return explainDisk("write to", plan.Home, anotherHome, err)
	}
	for _, dir := range append(dataDirs(plan), logDir(plan)) {
		if err := checkWritable(dir, elsewhere(plan, dir)); err != nil {
			return err
		}
	}
	return nil
}

const anotherHome = "choose another place with --home"

// elsewhere says how a person moves a directory: by the setting that names it, or with everything else.
func elsewhere(plan spec.Plan, dir string) string {
	if rel, err := filepath.Rel(plan.Home, dir); err == nil && filepath.IsLocal(rel) {
		return anotherHome
	}
	for _, b := range plan.Brokers {
		if slices.Contains(b.Dirs, dir) {
			return "choose another directory for log.dirs in " + b.Label
		}
	}
	setting := "dataDir"
	if dir == plan.ZooKeeper.Props["dataLogDir"] {
		setting = "dataLogDir"
	}
	return "choose another directory for " + setting + " in " + plan.File
}

func dataDirs(plan spec.Plan) []string {
	var dirs []string
	if plan.ZooKeeper.Embedded {
		dirs = append(dirs, plan.ZooKeeper.Dirs...)
	}
	for _, b := range plan.Brokers {
		dirs = append(dirs, b.Dirs...)
	}
	return dirs
}

// checkOwner refuses a directory that holds another cluster, or something else altogether.
func checkOwner(plan spec.Plan) error {
	m, err := readMark(plan.Home)
	switch {
	case err == nil && m.Name != plan.Name:
		return fail(codeInput, "cannot use %s for cluster %s: it holds the data of cluster %s; choose another home in %s or another name", plan.Home, plan.Name, m.Name, plan.File)
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return fail(codeFailed, "cannot read %s: %v", filepath.Join(plan.Home, markName), err)
	}
	entries, err := os.ReadDir(plan.Home)
	if err == nil && slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() != "logs" }) {
		return fail(codeInput, "cannot use %s for cluster %s: it holds files of something else; choose another home in %s, or move them away", plan.Home, plan.Name, plan.File)
	}
	return nil
}

func readMark(dir string) (mark, error) {
	var m mark
	text, err := os.ReadFile(filepath.Join(dir, markName))
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	return m, err
}

// checkWritable creates dir and tries what every process will do there; elsewhere is how to have another.
func checkWritable(dir, elsewhere string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return explainDisk("create", dir, elsewhere, err)
	}
	probe, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return explainDisk("write to", dir, elsewhere, err)
	}
	_, err = probe.Write(make([]byte, 4096))
	err = errors.Join(err, probe.Close(), os.Remove(probe.Name()))
	if err != nil {
		return explainDisk("write to", dir, elsewhere, err)
	}
	return nil
}

// explainDisk says what to do about the ways in which a directory cannot be used.
func explainDisk(verb, dir, elsewhere string, err error) error {
	advice := elsewhere
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		advice = "free some space there, or " + advice
	case errors.Is(err, fs.ErrPermission):
		advice = "make it writable for you, or " + advice
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrExist):
		advice = "a file is where a directory should be: move it away, or " + advice
	}
	reason := err
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		reason = path.Err
	}
	return fail(codeFailed, "cannot %s %s: %v; %s", verb, dir, reason, advice)
}

// checkPorts finds out before any process is started whether all ports are free.
func checkPorts(plan spec.Plan) error {
	if zk := plan.ZooKeeper; zk.Embedded {
		if err := port.Check(zk.Host, zk.Port); err != nil {
			return fail(codeFailed, "cannot start ZooKeeper: %v; stop that, or change clientPort in %s (and zookeeper.connect with it)", err, plan.File)
		}
	}
	for _, b := range plan.Brokers {
		for _, a := range b.Listen {
			if err := port.Check(a.Host, a.Port); err != nil {
				return fail(codeFailed, "cannot start broker %d: %v; stop that, or change listeners in %s", b.ID, err, b.Label)
			}
		}
	}
	return nil
}

// Purge removes the data of the cluster in dir. Only a directory that carries a cluster's mark is touched; of data directories
// elsewhere, only what ZooKeeper and brokers put there.
func Purge(dir string) error {
	m, err := readMark(dir)
	if err != nil {
		return fmt.Errorf("cannot remove the data in %s: it is not a cluster's directory: %w", dir, err)
	}
	slices.Sort(m.Dirs)
	for _, data := range slices.Backward(m.Dirs) { // what lies in another directory goes before it
		if rel, err := filepath.Rel(dir, data); err == nil && filepath.IsLocal(rel) {
			continue // goes with dir
		}
		if err := purgeData(data); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("cannot remove the data in %s: %w", dir, err)
	}
	return nil
}

// purgeData empties a data directory that somebody placed elsewhere, and removes it if nothing else is in it.
func purgeData(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot remove the data in %s: %w", dir, err)
	}
	kept := 0
	for _, e := range entries {
		if !isData(e) {
			kept++
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("cannot remove the data in %s: %w", dir, err)
		}
	}
	if kept > 0 {
		return nil
	}
	return os.Remove(dir)
}

// isData reports whether a name is one that Kafka gives in a log directory, or ZooKeeper in its dataDir and dataLogDir.
func isData(e fs.DirEntry) bool {
	name := e.Name()
	switch name {
	case "meta.properties", ".lock", ".kafka_cleanshutdown", "version-2", "myid":
		return true
	}
	if e.IsDir() {
		topic, partition, ok := cutLast(name, '-')
		return ok && topic != "" && partition != ""
	}
	return strings.HasSuffix(name, "-checkpoint") || strings.HasSuffix(name, "-checkpoint.tmp")
}

func cutLast(s string, sep byte) (before, after string, found bool) {
	i := strings.LastIndexByte(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}
