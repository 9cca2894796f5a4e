package storage

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"klab/broker/storage/fsys"
)

const metaPropertiesFile = "meta.properties"

// MetaProperties is the identity of a log directory: meta.properties version 0.
type MetaProperties struct {
	BrokerID  int32  // -1 if the file has none
	ClusterID string // "" if the file has none
	// Other are properties that are kept and not understood, such as directory.id.
	Other map[string]string
}

// ReadMetaProperties reads the identity of a log directory. ok is false if it
// has none yet. A file of version 1 (KRaft) is an error.
func ReadMetaProperties(f fsys.FS, dir string) (m MetaProperties, ok bool, err error) {
	path := filepath.Join(dir, metaPropertiesFile)
	data, err := fsys.ReadFile(f, path)
	if errors.Is(err, fs.ErrNotExist) {
		return MetaProperties{}, false, nil
	}
	if err == nil {
		m, err = parseMetaProperties(data)
	}
	if err != nil {
		return MetaProperties{}, false, fmt.Errorf("cannot read %s: %w", path, err)
	}
	return m, true, nil
}

// WriteMetaProperties writes the identity of a log directory, unless the file
// says the same already.
func WriteMetaProperties(f fsys.FS, dir string, m MetaProperties) error {
	old, ok, err := ReadMetaProperties(f, dir)
	if err == nil && ok && old.equal(m) {
		return nil
	}
	if err := makeDir(f, dir); err != nil {
		return fmt.Errorf("cannot make log directory %s: %w", dir, err)
	}
	path := filepath.Join(dir, metaPropertiesFile)
	if err := fsys.ReplaceFile(f, path, m.format(time.Now())); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return nil
}

func (m MetaProperties) equal(o MetaProperties) bool {
	return m.BrokerID == o.BrokerID && m.ClusterID == o.ClusterID && maps.Equal(m.Other, o.Other)
}

func (m MetaProperties) format(now time.Time) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "#\n#%s\n", now.UTC().Format("Mon Jan 02 15:04:05 UTC 2006"))
	if m.BrokerID >= 0 {
		fmt.Fprintf(&b, "broker.id=%d\n", m.BrokerID)
	}
	b.WriteString("version=0\n")
	if m.ClusterID != "" {
		fmt.Fprintf(&b, "cluster.id=%s\n", escapeProperty(m.ClusterID))
	}
	for _, key := range slices.Sorted(maps.Keys(m.Other)) {
		fmt.Fprintf(&b, "%s=%s\n", escapeProperty(key), escapeProperty(m.Other[key]))
	}
	return b.Bytes()
}

func parseMetaProperties(data []byte) (MetaProperties, error) {
	m := MetaProperties{BrokerID: -1}
	for key, value := range properties(string(data)) {
		switch key {
		case "version":
			if value != "0" {
				return m, fmt.Errorf("version %q is not 0: it was written by a KRaft node", value)
			}
		case "broker.id":
			id, err := strconv.ParseInt(value, 10, 32)
			if err != nil {
				return m, fmt.Errorf("broker.id: %w", err)
			}
			m.BrokerID = int32(id)
		case "cluster.id":
			m.ClusterID = value
		default:
			if m.Other == nil {
				m.Other = map[string]string{}
			}
			m.Other[key] = value
		}
	}
	return m, nil
}

// properties reads Java's properties text, as far as such files use it: one
// entry a line, backslash escapes, no continuation lines.
func properties(text string) map[string]string {
	entries := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.Trim(line, " \t\f\r\n")
		if line == "" || line[0] == '#' || line[0] == '!' {
			continue
		}
		key, rest := cutProperty(line)
		value, _ := unescapeProperty(rest, "")
		entries[key] = value
	}
	return entries
}

func cutProperty(line string) (key, rest string) {
	key, rest = unescapeProperty(line, "=: \t\f")
	rest = strings.TrimLeft(rest, " \t\f")
	if rest != "" && (rest[0] == '=' || rest[0] == ':') {
		rest = strings.TrimLeft(rest[1:], " \t\f")
	}
	return key, rest
}

// unescapeProperty reads up to an unescaped character of stop.
func unescapeProperty(s, stop string) (value, rest string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case strings.IndexByte(stop, s[i]) >= 0:
			return b.String(), s[i:]
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), ""
}

func escapeProperty(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte("\\=:#! ", s[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
