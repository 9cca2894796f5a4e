package keymap

import "testing"

func TestNoKeyHasTwoMeanings(t *testing.T) {
	for scope := range scopes {
		meaning := map[string]Intent{}
		for b := range Of(scope) {
			for _, key := range b.Keys {
				if other, taken := meaning[key]; taken && other != b.Intent {
					t.Errorf("scope %d: key %q means both %d and %d", scope, key, other, b.Intent)
				}
				meaning[key] = b.Intent
			}
		}
	}
}

func TestTypingScopesLeaveLettersAlone(t *testing.T) {
	for scope := range scopes {
		if !scope.Types() {
			continue
		}
		for b := range Of(scope) {
			for _, key := range b.Keys {
				if len([]rune(key)) == 1 {
					t.Errorf("scope %d: %q cannot be typed, it means %d", scope, key, b.Intent)
				}
			}
		}
	}
}

func TestDestructiveKeysOfTopicsAreShifted(t *testing.T) {
	b, ok := Lookup(Topics, "D")
	if !ok || b.Intent != DeleteTopic {
		t.Fatal("D does not delete a topic")
	}
	if b, ok := Lookup(Topics, "d"); ok && b.Intent == DeleteTopic {
		t.Error("d alone deletes a topic")
	}
}

func TestInnerScopeWins(t *testing.T) {
	for _, tt := range []struct {
		scope Scope
		key   string
		want  Intent
	}{
		{Overview, "x", KillBroker}, {Lesson, "x", LeaveLesson}, {Topics, "2", GoTopics}, {Lesson, "2", Answer2},
		{Welcome, "d", GoLessons}, {Form, "esc", Back}, {Tail, "space", PauseTail}, {Form, "ctrl+w", DeleteWord},
	} {
		if b, _ := Lookup(tt.scope, tt.key); b.Intent != tt.want {
			t.Errorf("scope %d: %q means %d, want %d", tt.scope, tt.key, b.Intent, tt.want)
		}
	}
	if _, ok := Lookup(Form, "q"); ok {
		t.Error("q leaves a form instead of being typed")
	}
}
