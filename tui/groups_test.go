package tui

import (
	"slices"
	"strings"
	"testing"

	"klab/cluster"
)

// last fails the test unless the last operations were these.
func (f *fakeSource) last(t *testing.T, want ...string) {
	t.Helper()
	if got := f.did[max(len(f.did)-len(want), 0):]; !slices.Equal(got, want) {
		t.Errorf("did %q, want %q at the end", f.did, want)
	}
}

func onStage(t *testing.T, f *fakeSource) *stage {
	return newStage(t, staging{w: 100, h: 30, lang: cluster.English, src: f, lessons: fakeLessons{}})
}

func TestAResetIsShownBeforeItIsDone(t *testing.T) {
	f := grouped()
	s := onStage(t, f)
	s.press("3", "r").write("-100").press("tab").write("orders:0,1")
	s.press("enter")
	f.last(t, "reset audit-审计 [{orders [0 1]}] dry=true")
	s.shows("10,414", "10,314", "2 of 2 offsets change")
	s.press("n")
	f.last(t, "reset audit-审计 [{orders [0 1]}] dry=true")
	s.press("enter", "y")
	f.last(t, "reset audit-审计 [{orders [0 1]}] dry=false")
	s.shows("is reset: 2 offsets changed").hides("RESET OFFSETS")
}

func TestAResetThatCannotBeIsNotDone(t *testing.T) {
	f := grouped()
	f.plan[0].Problem, f.plan[0].New = "its leader does not answer", -1
	s := onStage(t, f)
	s.press("3", "r").write("latest").press("enter", "y")
	f.last(t, "reset audit-审计 [] dry=true")
	s.shows("Some partitions cannot be reset")
}

func TestOnlyTheGroupsOnTheScreenAreAskedInDepth(t *testing.T) {
	f := grouped()
	for i := range 1000 {
		f.snap.Groups = append(f.snap.Groups, cluster.Group{Name: "z" + strings.Repeat("0", 3) + itoa(i), State: "Empty", Coordinator: 1, Lag: -1, At: noon})
	}
	slices.SortFunc(f.snap.Groups, func(a, b cluster.Group) int { return strings.Compare(a.Name, b.Name) })
	s := onStage(t, f)
	s.press("3")
	s.frame()
	s.tick()
	if len(f.wanted) == 0 || len(f.wanted) > 30 || f.wanted[0] != "audit-审计" {
		t.Errorf("%d groups are wanted: %v", len(f.wanted), f.wanted)
	}
}

func TestGroupsAreSortedByLagAndFiltered(t *testing.T) {
	s := onStage(t, grouped())
	s.press("3", "o")
	frame := s.frame()
	if strings.Index(frame, "billing") > strings.Index(frame, "audit") {
		t.Errorf("the largest lag is not first:\n%s", frame)
	}
	s.press("/").write("stream").shows("streams-wordcount").hides("billing")
}

func TestAMemberIsRemovedAndAGroupWithMembersIsKept(t *testing.T) {
	f := grouped()
	s := onStage(t, f)
	s.press("3", "down", "enter")
	s.frame()
	s.press("down", "x", "y")
	f.last(t, "remove billing worker-2-9a")
	s.press("D").shows("stop its members first")
}

func TestAConfigurationIsConfirmedWithItsOldValue(t *testing.T) {
	f := healthy()
	s := onStage(t, f)
	s.press("2", "enter", "c", "enter", "backspace").write("1").press("enter")
	s.shows("From 2 (DYNAMIC_TOPIC_CONFIG) to 1.")
	s.press("y")
	f.last(t, "topic orders set min.insync.replicas=1")
	s.press("D", "y")
	f.last(t, "topic orders delete min.insync.replicas=")
	s.press("down", "D").shows("is not set here")
	s.press("c").shows("only what differs").hides("retention.ms")
}

func TestTheChosenConfigurationIsFollowedToItsNewPlace(t *testing.T) {
	f := healthy()
	entry := func(name, value, source string) cluster.ConfigEntry {
		return cluster.ConfigEntry{Name: name, Value: value, Source: source, Default: source == "DEFAULT_CONFIG", Type: "INT"}
	}
	f.configs = []cluster.ConfigEntry{entry("flush.ms", "1", "DEFAULT_CONFIG"), entry("segment.ms", "1", "DEFAULT_CONFIG")}
	s := onStage(t, f)
	s.press("2", "enter", "c", "down", "enter").write("0").press("enter")
	f.configs = []cluster.ConfigEntry{entry("flush.ms", "1", "DEFAULT_CONFIG"), entry("segment.ms", "10", "DYNAMIC_TOPIC_CONFIG")}
	s.press("y")
	f.last(t, "topic orders set segment.ms=10")
	s.press("D", "y")
	f.last(t, "topic orders delete segment.ms=")
}

func TestAReadOnlyConfigurationIsNotEdited(t *testing.T) {
	s := onStage(t, healthy())
	s.press("enter", "c", "down", "enter").shows("broker.id cannot be changed while the broker runs")
}

func TestReplicasAreMovedAfterAPreview(t *testing.T) {
	f := healthy()
	s := onStage(t, f)
	s.press("2", "m").write("3,1").press("tab").write("1000").press("enter")
	s.shows("WHAT WOULD MOVE: 6 PARTITIONS")
	s.press("y")
	f.last(t, "reassign 6 first orders/0 to [3 1] throttle 1000")
	s.press("m").write("9").press("enter").shows("Broker 9 is not up")
	s.press("esc", "M").shows("is not being moved")
}

func TestAMoveIsCancelled(t *testing.T) {
	f := movingOrders()
	s := onStage(t, f)
	s.press("2", "M").shows("Give up moving 2 partitions of orders?")
	s.press("y")
	f.last(t, "cancel orders")
}

func TestAHangingTransactionIsAborted(t *testing.T) {
	f := grouped()
	s := onStage(t, f)
	s.press("T", "x").shows("h finds them")
	s.press("h", "x").shows("Abort the transaction at offset 9120 of orders/3?")
	s.press("y")
	f.last(t, "abort orders/3 at 9120")
}
