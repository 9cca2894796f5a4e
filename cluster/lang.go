package cluster

import (
	"fmt"
	"strings"
)

// Lang is a language that facts and health are worded in.
type Lang string

const (
	English Lang = "en"
	Chinese Lang = "zh"
)

// ParseLang reads "en" or "zh", also as the start of a locale such as zh_CN.UTF-8.
func ParseLang(s string) (Lang, error) {
	switch tag, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(s), "-", "_"), "_"); tag {
	case "en", "c", "posix":
		return English, nil
	case "zh":
		return Chinese, nil
	}
	return English, fmt.Errorf("cannot use language %q: give en or zh", s)
}
