package config

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"unicode/utf16"
)

// ReadProperties reads a Java properties file, such as Kafka's server.properties. Names and values are not checked.
func ReadProperties(path string) (map[string]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read properties: %w", err)
	}
	props, err := ParseProperties(string(data))
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, err)
	}
	return props, nil
}

// ParseProperties parses Java properties text: comments with # or !, continuation lines, \uXXXX and the short escapes.
func ParseProperties(text string) (map[string]string, error) {
	props := make(map[string]string)
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text), "\n")
	for i := 0; i < len(lines); i++ {
		first := i
		line := strings.TrimLeft(lines[i], " \t\f")
		if line == "" || line[0] == '#' || line[0] == '!' {
			continue
		}
		for endsInEscape(line) {
			line = line[:len(line)-1]
			if i++; i == len(lines) {
				break
			}
			line += strings.TrimLeft(lines[i], " \t\f")
		}
		key, val := splitProperty(line)
		var err error
		if key, err = unescape(key); err == nil {
			val, err = unescape(val)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", first+1, err)
		}
		props[key] = val
	}
	return props, nil
}

// endsInEscape reports whether the line ends in an odd number of backslashes.
func endsInEscape(line string) bool {
	n := len(line) - len(strings.TrimRight(line, `\`))
	return n%2 == 1
}

// splitProperty cuts at the first =, : or white space that is not escaped.
func splitProperty(line string) (key, val string) {
	end := len(line)
	for i := 0; i < len(line); i++ {
		if line[i] == '\\' {
			i++
		} else if strings.IndexByte("=: \t\f", line[i]) >= 0 {
			end = i
			break
		}
	}
	val = strings.TrimLeft(line[min(end, len(line)):], " \t\f")
	if val != "" && (val[0] == '=' || val[0] == ':') {
		val = strings.TrimLeft(val[1:], " \t\f")
	}
	return line[:end], val
}

func unescape(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		if i++; i == len(s) {
			break
		}
		switch s[i] {
		case 't':
			b.WriteByte('\t')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 'f':
			b.WriteByte('\f')
		case 'u':
			r, n, err := unescapeUnicode(s[i:])
			if err != nil {
				return "", err
			}
			b.WriteRune(r)
			i += n
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), nil
}

// unescapeUnicode reads uXXXX, and a second \uXXXX when the first is half of a surrogate pair. n is what follows the u.
func unescapeUnicode(s string) (r rune, n int, err error) {
	if r, err = hex4(s); err != nil {
		return 0, 0, err
	}
	if utf16.IsSurrogate(r) && strings.HasPrefix(s[5:], `\u`) {
		low, err := hex4(s[6:])
		if err != nil {
			return 0, 0, err
		}
		return utf16.DecodeRune(r, low), 10, nil
	}
	return r, 4, nil
}

func hex4(s string) (rune, error) {
	if len(s) >= 5 {
		if n, err := strconv.ParseUint(s[1:5], 16, 16); err == nil {
			return rune(n), nil
		}
	}
	return 0, fmt.Errorf(`malformed \uXXXX escape`)
}
