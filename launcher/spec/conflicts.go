package spec

import (
	"path/filepath"
	"strconv"
	"strings"

	"klab/broker/config"
)

// checkApart refuses processes that would get in each other's way: same id, same port, or directories that are the same or
// lie in one another.
func checkApart(plan Plan) error {
	claims := claimsOf(plan)
	for i, later := range claims {
		for _, earlier := range claims[:i] {
			if err := later.conflict(earlier); err != nil {
				return err
			}
		}
	}
	return nil
}

// claim is what one process wants for itself alone.
type claim struct {
	who    string
	label  string
	id     int32 // -1 for ZooKeeper
	listen []Address
	dirs   []string
}

func claimsOf(plan Plan) []claim {
	var all []claim
	if zk := plan.ZooKeeper; zk.Embedded {
		all = append(all, claim{"ZooKeeper", plan.File, -1, []Address{{zk.Host, zk.Port}}, zk.Dirs})
	}
	for _, b := range plan.Brokers {
		all = append(all, claim{"broker " + strconv.Itoa(int(b.ID)), b.Label, b.ID, b.Listen, b.Dirs})
	}
	return all
}

func (c claim) conflict(with claim) error {
	if c.id >= 0 && c.id == with.id {
		return mistake("%s: broker.id %d is also that of %s; give each broker its own", c.label, c.id, with.label)
	}
	for _, a := range c.listen {
		for _, b := range with.listen {
			if a.overlaps(b) {
				return mistake("%s: port %d is also that of %s (%s); give each process its own port", c.label, a.Port, with.who, with.label)
			}
		}
	}
	for _, a := range c.dirs {
		for _, b := range with.dirs {
			if within(a, b) || within(b, a) {
				return mistake("%s: directory %s is also that of %s (%s: %s); give each process its own directories", c.label, a, with.who, with.label, b)
			}
		}
	}
	return nil
}

func (a Address) overlaps(b Address) bool {
	return a.Port == b.Port && (isEveryAddress(a.Host) || isEveryAddress(b.Host) || loopbackName(a.Host) == loopbackName(b.Host))
}

// within reports whether dir is parent or lies below it.
func within(dir, parent string) bool {
	rel, err := filepath.Rel(parent, dir)
	return err == nil && (rel == "." || filepath.IsLocal(rel))
}

func logDirs(cfg *config.Config, home string) []string {
	list := cfg.String("log.dirs")
	if list == "" {
		list = cfg.String("log.dir")
	}
	var dirs []string
	for dir := range strings.SplitSeq(list, ",") {
		dirs = append(dirs, absolute(home, strings.TrimSpace(dir)))
	}
	return dirs
}

func joinList(items []string) string { return strings.Join(items, ",") }

// absolute makes a path of a person's file absolute: relative ones start from home.
func absolute(home, path string) string {
	if path = filepath.FromSlash(path); filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(home, path)
}
