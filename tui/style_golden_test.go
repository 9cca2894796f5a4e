package tui

import (
	"fmt"
	"strings"
	"testing"

	"github.com/charmbracelet/colorprofile"
	uv "github.com/charmbracelet/ultraviolet"

	"klab/cluster"
	"klab/tui/cell"
)

// styled returns the screen with the look of each cell below it: a letter for each look, explained at the end. A row that
// is plain has no second line.
func (s *stage) styled() string {
	s.t.Helper()
	s.root.fresh = false
	buf := uv.NewScreenBuffer(s.root.width, s.root.height)
	uv.NewStyledString(s.root.View().Content).Draw(buf, buf.Bounds())
	var out, legend strings.Builder
	letters := map[string]rune{"": ' '}
	for y := range s.root.height {
		var text, looks strings.Builder
		for x := range s.root.width {
			c := buf.CellAt(x, y)
			if c == nil || c.Width == 0 {
				continue
			}
			look := lookOf(c)
			if _, known := letters[look]; !known {
				letters[look] = rune('a' + len(letters) - 1)
				fmt.Fprintf(&legend, "%c  %s\n", letters[look], look)
			}
			text.WriteString(c.Content)
			looks.WriteString(strings.Repeat(string(letters[look]), c.Width))
		}
		out.WriteString(strings.TrimRight(text.String(), " ") + "\n")
		if row := strings.TrimRight(looks.String(), " "); row != "" {
			out.WriteString(row + "\n")
		}
	}
	return out.String() + "\n" + legend.String()
}

// lookOf says the attributes of a cell in words; nothing for a plain one.
func lookOf(c *uv.Cell) string {
	var words []string
	for _, a := range []struct {
		bit  uint8
		word string
	}{{uv.AttrBold, "bold"}, {uv.AttrFaint, "faint"}, {uv.AttrReverse, "reverse"}} {
		if c.Style.Attrs&a.bit != 0 {
			words = append(words, a.word)
		}
	}
	if c.Style.Fg != nil {
		words = append(words, fmt.Sprintf("colour %v", c.Style.Fg))
	}
	return strings.Join(words, " ")
}

// Two screens with their looks, in the terminal's own colours and on a terminal that has none: what is said by colour must
// be there without it.
func TestStyleGoldens(t *testing.T) {
	for _, name := range []string{"overview_killed", "group"} {
		for profile, suffix := range map[colorprofile.Profile]string{colorprofile.ANSI: "styles", colorprofile.ASCII: "nocolour"} {
			t.Run(name+"_"+suffix, func(t *testing.T) {
				for _, sc := range scenes() {
					if sc.name != name {
						continue
					}
					theme, err := cell.NewTheme("auto")
					if err != nil {
						t.Fatal(err)
					}
					s := newStage(t, sc.stage(staging{w: 80, h: 24, lang: cluster.English, lessons: fakeLessons{}}))
					s.root.theme = theme.For(profile)
					sc.drive(s)
					got := s.styled()
					if suffix == "nocolour" && strings.Contains(got, "colour") {
						t.Error("a terminal without colours is sent some")
					}
					compare(t, name+"_"+suffix+"_en_80x24", got)
				}
			})
		}
	}
}
