package tree

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// heard fires the events of a write and tells who heard what, in the order of events.
func heard(w *Watches[string], out Outcome) []string {
	var lines []string
	for _, e := range out.Events {
		who := w.Fire(e)
		slices.Sort(who)
		for _, name := range who {
			lines = append(lines, fmt.Sprintf("%s:%d%s", name, e.Type, e.Path))
		}
	}
	return lines
}

func TestWatchesHearOnce(t *testing.T) {
	w := newWorld(t, Options{})
	watches := NewWatches[string]()
	expect := func(what string, out Outcome, want ...string) {
		t.Helper()
		if got := heard(watches, out); out.Code != OK || !slices.Equal(got, want) {
			t.Errorf("%s: %v, heard %q, want %q", what, out.Code, got, want)
		}
	}
	watches.Add("/a", "exists", WatchData)
	watches.Add("/", "rootlist", WatchChildren)
	expect("create", w.do(plainNode("/a")), "exists:1/a", "rootlist:4/")
	expect("again: used up", w.do(SetData{"/a", nil, -1}))
	watches.Add("/a", "data", WatchData)
	watches.Add("/a", "data", WatchData)
	expect("armed twice, heard once", w.do(SetData{"/a", nil, -1}), "data:3/a")
	watches.Add("/a", "both", WatchData|WatchChildren)
	watches.Add("/", "rootlist", WatchChildren)
	expect("setACL tells nobody", w.do(SetACL{"/a", OpenACL(), -1}))
	expect("delete tells each once, before the parent", w.do(Delete{"/a", -1}), "both:2/a", "rootlist:4/")
	if watchers, paths, total := watches.Totals(); watchers+paths+total != 0 {
		t.Errorf("left over: %d watchers, %d paths, %d watches", watchers, paths, total)
	}
}

func TestPersistentWatchesStay(t *testing.T) {
	w := newWorld(t, Options{})
	watches := NewWatches[string]()
	watches.Add("/a", "p", WatchPersistent)
	watches.Add("/", "r", WatchRecursive)
	var got []string
	for _, op := range []Op{plainNode("/a"), plainNode("/a/b"), SetData{"/a/b", nil, -1}, SetData{"/a", nil, -1}, Delete{"/a/b", -1}, Delete{"/a", -1}} {
		got = append(got, heard(watches, w.do(op))...)
	}
	want := []string{"p:1/a", "r:1/a", "r:1/a/b", "p:4/a", "r:3/a/b", "p:3/a", "r:3/a", "r:2/a/b", "p:4/a", "p:2/a", "r:2/a"}
	if !slices.Equal(got, want) {
		t.Fatalf("heard %q\nwant  %q", got, want)
	}
	watches.Forget("p")
	watches.Remove("/", "r", WatchAny)
	if got := heard(watches, w.do(plainNode("/a"))); len(got) != 0 || watches.recursive != 0 {
		t.Fatalf("after removal heard %q, %d recursive", got, watches.recursive)
	}
}

// TestWatchesMatchModel compares the two-way indexed table with a flat list of pairs.
func TestWatchesMatchModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type key struct {
			path string
			who  int
		}
		model := map[key]WatchKind{}
		table := NewWatches[int]()
		paths := rapid.SampledFrom([]string{"/", "/a", "/a/b", "/ab"})
		kinds := rapid.SampledFrom([]WatchKind{WatchData, WatchChildren, WatchPersistent, WatchRecursive, WatchAny})
		who := rapid.IntRange(0, 2)
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				k, kind := key{paths.Draw(t, "path"), who.Draw(t, "who")}, kinds.Draw(t, "kind")
				table.Add(k.path, k.who, kind)
				model[k] |= kind
			},
			"remove": func(t *rapid.T) {
				k, kind := key{paths.Draw(t, "path"), who.Draw(t, "who")}, kinds.Draw(t, "kind")
				if table.Has(k.path, k.who, kind) != (model[k]&kind != 0) {
					t.Fatalf("Has(%v, %v) differs", k, kind)
				}
				table.Remove(k.path, k.who, kind)
				model[k] &^= kind
			},
			"forget": func(t *rapid.T) {
				name := who.Draw(t, "who")
				table.Forget(name)
				for k := range model {
					if k.who == name {
						delete(model, k)
					}
				}
			},
			"fire": func(t *rapid.T) {
				e := Event{Type: rapid.SampledFrom([]EventType{1, 2, 3, 4}).Draw(t, "type"), Path: paths.Draw(t, "path")}
				want := map[int]bool{}
				for k, kind := range model {
					if k.path == e.Path && kind&e.Type.listeners() != 0 ||
						kind&WatchRecursive != 0 && e.Type != NodeChildrenChanged && within(e.Path, k.path) {
						want[k.who] = true
					}
					if k.path == e.Path {
						model[k] &^= e.Type.listeners() & (WatchData | WatchChildren)
					}
				}
				got := table.Fire(e)
				if len(got) != len(want) || slices.ContainsFunc(got, func(name int) bool { return !want[name] }) {
					t.Fatalf("%v: heard by %v, want %v", e, got, want)
				}
			},
			"": func(t *rapid.T) {
				total := 0
				for _, kind := range model {
					if kind != 0 {
						total++
					}
				}
				if _, _, got := table.Totals(); got != total {
					t.Fatalf("%d watches, want %d", got, total)
				}
			},
		})
	})
}
