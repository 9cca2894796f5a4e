// Package story plays the scripts that tests of pure cores read like stories: text files of commands, below each of which
// stands what the core did. It is for tests alone.
package story

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the scripts in testdata now narrate into them; read the difference")

// Play has play go through each testdata/*.txt, as a subtest of that name. play takes a script and returns it with what the
// core did now below each command; that must be the script. With the flag -update it becomes the script: read the difference.
func Play(t *testing.T, play func(t *testing.T, script string) string) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			before, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			after := play(t, string(before))
			switch {
			case after == string(before):
			case *update:
				if err := os.WriteFile(file, []byte(after), 0o644); err != nil {
					t.Fatal(err)
				}
			default:
				t.Errorf("%s narrates otherwise:\n%s", file, difference(string(before), after))
			}
		})
	}
}

// difference shows the first line in which two scripts differ.
func difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("line %d\nwant %s\ngot  %s", i+1, w[i], g[i])
		}
	}
	return fmt.Sprintf("%d lines became %d", len(w), len(g))
}
