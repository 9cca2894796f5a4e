package tui

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"klab/cluster"
)

// remote is a healthy cluster that klab did not start, whose first topic has a name of one's own choice.
func remote(name string) *fakeSource {
	f := healthy()
	f.snap.Launched = false
	f.snap.Topics[1] = topicOf(name, 6, false)
	slices.SortFunc(f.snap.Topics, func(a, b cluster.Topic) int { return strings.Compare(a.Name, b.Name) })
	return f
}

// deleting is the question whether to delete the topic of that name.
func deleting(t *testing.T, st staging, name string) *stage {
	t.Helper()
	st.src = remote(name)
	s := newStage(t, st)
	s.root.apply(askDelete(&s.root.env, name))
	return s
}

const longName = "prod.eu-west-1.payments.settlement.ledger-entries.v3.compacted.archive"

// TestWhatHasToBeTypedIsReadable asks with names that take a row and more: the whole name and what was typed are to be seen.
func TestWhatHasToBeTypedIsReadable(t *testing.T) {
	for _, size := range []struct{ w, h int }{{60, 16}, {80, 24}, {200, 60}} {
		for _, lang := range []cluster.Lang{cluster.English, cluster.Chinese} {
			for _, name := range []string{"orders", longName, strings.Repeat("long-name.", 25)[:249]} {
				t.Run(fmt.Sprintf("%dx%d %s %d", size.w, size.h, lang, len(name)), func(t *testing.T) {
					s := deleting(t, staging{w: size.w, h: size.h, lang: lang}, name)
					s.write("typed-so-far")
					frame := unframed(s.frame())
					if !strings.Contains(frame, name) {
						t.Errorf("the name is not whole:\n%s", s.frame())
					}
					if x, y, shown := s.root.canvas.Cursor(); !shown || !strings.HasSuffix(textBefore(s, x, y), " typed-so-far") {
						t.Errorf("the input is not to be seen:\n%s", s.frame())
					}
				})
			}
		}
	}
}

// unframed puts the rows of a dialog together, without its border and what is beside it.
func unframed(frame string) string {
	var text strings.Builder
	for row := range strings.SplitSeq(frame, "\n") {
		from, to := strings.Index(row, "│"), strings.LastIndex(row, "│")
		if from >= 0 && from < to {
			text.WriteString(strings.TrimSpace(row[from+len("│") : to]))
		}
	}
	return text.String()
}

// textBefore is what stands left of a cell.
func textBefore(s *stage, x, y int) string {
	row := []rune(strings.Split(s.frame(), "\n")[y])
	return string(row[:min(x, len(row))])
}

func TestANameThatCannotBeTypedIsAgreedToByAWord(t *testing.T) {
	for _, name := range []string{"a\x1b[2Jb", "a\tb", "a\u202eb", "a\u00a0b", "e\u0301", "\xff", " a", "a  b", strings.Repeat("x", 200)} {
		s := deleting(t, staging{w: 80, h: 24}, name)
		s.press("enter").shows("type confirm to go on")
		s.write("confirm").press("enter")
		if f := s.root.src.(*fakeSource); !slices.Equal(f.did, []string{"delete " + name}) {
			t.Errorf("%q: did %q", name, f.did)
		}
	}
	for _, name := range []string{"orders", "订单", "two words"} {
		s := deleting(t, staging{w: 80, h: 24}, name)
		s.write("confirm").press("enter").shows("type " + name + " to go on")
		s.press("ctrl+u").write(name).press("enter")
		if f := s.root.src.(*fakeSource); !slices.Equal(f.did, []string{"delete " + name}) {
			t.Errorf("%q: did %q", name, f.did)
		}
	}
}

func TestASecondEnterWritesNothing(t *testing.T) {
	f := healthy()
	s := newStage(t, english(f)).press("2", "w").write("v1").press("shift+tab").write("customer-17").press("tab", "enter")
	want := []string{`produce orders "customer-17" "v1" [] acks=all codec=none`}
	s.press("enter", "left", "enter", "tab", "tab", "enter", "tab", "right", "enter").shows("Nothing was typed since")
	if !slices.Equal(f.did, want) {
		t.Errorf("did %q, want %q", f.did, want)
	}
	s.press("tab", "tab", "tab").write("v2").press("enter")
	if want = append(want, `produce orders "customer-17" "v2" [] acks=1 codec=none`); !slices.Equal(f.did, want) {
		t.Errorf("did %q, want %q", f.did, want)
	}
}

func TestNullIsChosenAndAnEmptyValueIsEmpty(t *testing.T) {
	for _, tt := range []struct {
		name string
		keys []string
		want string // the record's key and value
	}{
		{"as it opens", nil, `"" null ""`},
		{"a null value", []string{"ctrl+n"}, `"" null "" null`},
		{"null is taken back", []string{"ctrl+n", "ctrl+n"}, `"" null ""`},
		{"typing takes null back", []string{"ctrl+n", "x", "backspace"}, `"" null ""`},
		{"an empty key", []string{"shift+tab", "ctrl+n"}, `"" ""`},
		{"null puts away what was typed", []string{"x", "ctrl+n"}, `"" null "" null`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := healthy()
			s := newStage(t, english(f)).press("2", "w").press(tt.keys...)
			s.press("enter")
			if got := f.payloads; got != tt.want {
				t.Errorf("wrote %s, want %s", got, tt.want)
			}
		})
	}
	s := newStage(t, english(healthy())).press("2", "w").shows("ctrl+n null")
	s.press("tab").hides("ctrl+n null").press("ctrl+n").shows("cannot be null")
}

// TestAFormDoesOneThingAtATime presses Enter again while the first operation is under way.
func TestAFormDoesOneThingAtATime(t *testing.T) {
	f := healthy()
	s := newStage(t, english(f)).press("2", "w").write("v1")
	_, writing := s.root.Update(tea.KeyPressMsg(keyOf("enter")))
	s.press("enter").shows("still being done").hides("enter do it")
	s.write("v2")
	s.run(writing)
	s.press("enter")
	want := []string{`produce orders "" "v1" [] acks=all codec=none`, `produce orders "" "v1v2" [] acks=all codec=none`}
	if !slices.Equal(f.did, want) {
		t.Errorf("did %q, want %q", f.did, want)
	}
}

func TestAFailedFormCanBeSubmittedAgain(t *testing.T) {
	f := healthy()
	f.err = errNoCoordinator
	s := newStage(t, english(f)).press("2", "w").write("v1").press("enter")
	f.err = nil
	s.press("enter")
	if len(f.did) != 2 || f.did[0] != f.did[1] {
		t.Errorf("did %q", f.did)
	}
}

func TestAFieldWithoutAHintIsEmptyWhenItIs(t *testing.T) {
	newStage(t, english(healthy())).press("2", "+", "backspace").shows("ADD PARTITIONS").hides("Kafka lab")
}
