package cell

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/charmbracelet/colorprofile"
)

// Style is what a cell means to the reader; a [Theme] says how that looks. Every role that matters also has a
// sign or a word on the screen: nothing is said by colour alone.
type Style uint8

const (
	Plain    Style = iota
	Muted          // what is normal, units, rules
	Strong         // what the eye should find first
	Heading        // the title of a part
	OK             // well
	Warn           // wants attention
	Bad            // broken
	Leader         // the replica that leads
	Follower       // a replica that follows
	Key            // a key that can be pressed
	styles

	Selected Style = 0x80 // in addition to a role: the row or field the keys act on
)

func (s Style) index() int {
	if s&Selected != 0 {
		return int(styles + s&^Selected)
	}
	return int(s)
}

// Theme holds the escape sequence of each style, made once.
type Theme struct {
	Name string
	sgr  [2 * styles]string
}

// palette is a theme as parameters of SGR, in the order of the styles from Plain on.
type palette [styles]string

// themes are the known themes. Blue is well and orange wants attention in all of them, which the colour-blind
// can tell apart (Okabe and Ito's colours where the theme chooses its own).
func themes(name string) (palette, bool) {
	switch name {
	case "", "auto": // the terminal's own 16 colours
		return palette{"", "2", "1", "1", "94", "33", "1;31", "1;94", "", "1"}, true
	case "dark":
		return palette{"38;2;224;224;224", "38;2;138;138;138", "1;38;2;255;255;255", "1;38;2;224;224;224", "38;2;86;180;233",
			"38;2;230;159;0", "1;38;2;240;110;30", "1;38;2;86;180;233", "38;2;200;200;200", "1;38;2;255;255;255"}, true
	case "light":
		return palette{"38;2;32;32;32", "38;2;112;112;112", "1;38;2;0;0;0", "1;38;2;32;32;32", "38;2;0;114;178",
			"38;2;166;104;0", "1;38;2;190;74;0", "1;38;2;0;114;178", "38;2;64;64;64", "1;38;2;0;0;0"}, true
	case "high-contrast":
		return palette{"97", "37", "1;97", "1;4;97", "1;96", "1;93", "1;91", "1;96", "97", "1;97"}, true
	case "mono":
		return palette{"", "2", "1", "1", "", "1", "1", "1", "", "1"}, true
	}
	return palette{}, false
}

// ThemeNames lists what [NewTheme] accepts.
func ThemeNames() []string { return []string{"auto", "dark", "light", "high-contrast", "mono"} }

// NewTheme returns the theme of that name; the empty name is "auto".
func NewTheme(name string) (*Theme, error) {
	p, ok := themes(name)
	if !ok {
		return nil, fmt.Errorf("cannot use theme %q: it is one of %s", name, strings.Join(ThemeNames(), ", "))
	}
	t := &Theme{Name: name}
	for i, params := range p {
		t.sgr[i] = sgr(params)
		if params == "2" {
			params = "" // faint and reversed is unreadable
		}
		t.sgr[int(styles)+i] = sgr(params + ";7")
	}
	return t, nil
}

// For returns the theme with its colours as near as a terminal of that profile can show them. Where it shows none,
// bold, faint and reverse remain.
func (t *Theme) For(profile colorprofile.Profile) *Theme {
	shown := &Theme{Name: t.Name}
	for i, sequence := range t.sgr {
		var b bytes.Buffer
		w := colorprofile.Writer{Forward: &b, Profile: profile}
		_, _ = w.WriteString(sequence) // to a buffer
		shown.sgr[i] = b.String()
	}
	return shown
}

func sgr(params string) string {
	params = strings.Trim(params, ";")
	if params == "" {
		return reset
	}
	return "\x1b[0;" + params + "m"
}
