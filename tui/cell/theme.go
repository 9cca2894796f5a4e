package cell

import (
	"bytes"
	"fmt"
	"strings"

	"charm.land/lipgloss/v2"
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

// palette is the look of every style, in the order of the styles from Plain on.
type palette [styles]lipgloss.Style

// themes are the known themes. Blue is well and orange wants attention in all of them, which the colour-blind
// can tell apart (Okabe and Ito's colours where the theme chooses its own).
func themes(name string) (palette, bool) {
	plain := lipgloss.NewStyle()
	faint, bold := plain.Faint(true), plain.Bold(true)
	in := func(base lipgloss.Style, color string) lipgloss.Style { return base.Foreground(lipgloss.Color(color)) }
	switch name {
	case "", "auto": // the terminal's own 16 colours
		return palette{plain, faint, bold, bold, in(plain, "12"), in(plain, "3"), in(bold, "1"), in(bold, "12"), plain, bold}, true
	case "dark":
		return palette{in(plain, "#e0e0e0"), in(plain, "#8a8a8a"), in(bold, "#ffffff"), in(bold, "#e0e0e0"), in(plain, "#56b4e9"),
			in(plain, "#e69f00"), in(bold, "#f06e1e"), in(bold, "#56b4e9"), in(plain, "#c8c8c8"), in(bold, "#ffffff")}, true
	case "light":
		return palette{in(plain, "#202020"), in(plain, "#707070"), in(bold, "#000000"), in(bold, "#202020"), in(plain, "#0072b2"),
			in(plain, "#a66800"), in(bold, "#be4a00"), in(bold, "#0072b2"), in(plain, "#404040"), in(bold, "#000000")}, true
	case "high-contrast":
		return palette{in(plain, "15"), in(plain, "7"), in(bold, "15"), in(bold.Underline(true), "15"), in(bold, "14"),
			in(bold, "11"), in(bold, "9"), in(bold, "14"), in(plain, "15"), in(bold, "15")}, true
	case "mono":
		return palette{plain, faint, bold, bold, plain, bold, bold, bold, plain, bold}, true
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
	for i, look := range p {
		t.sgr[i] = sgr(look)
		t.sgr[int(styles)+i] = sgr(look.Faint(false).Reverse(true)) // faint and reversed is unreadable
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

// sgr is the one sequence that resets whatever was set before and begins a look.
func sgr(look lipgloss.Style) string {
	const probe = "x"
	begin, _, _ := strings.Cut(look.Render(probe), probe)
	params := strings.TrimSuffix(strings.TrimPrefix(begin, "\x1b["), "m")
	if params == "" {
		return reset
	}
	return "\x1b[0;" + params + "m"
}
