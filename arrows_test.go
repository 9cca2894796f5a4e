package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// allowed says which of the module's top-level packages each may import; ARCHITECTURE.md draws the same arrows.
// A more specific prefix wins over a shorter one.
var allowed = map[string][]string{
	"klab":                {"cli", "launcher"},
	"klab/cli":            {"nearest", "tui", "demos", "cluster", "launcher", "configs"},
	"klab/tui":            {"tui", "demos", "cluster", "launcher"},
	"klab/demos":          {"nearest", "demos", "cluster", "launcher"},
	"klab/cluster":        {"cluster", "launcher", "coordinator/session", "coordinator/znode"},
	"klab/launcher":       {"nearest", "launcher", "configs", "broker/config", "port"},
	"klab/launcher/child": {"launcher", "configs", "broker", "coordinator", "port"},
	"klab/broker":         {"nearest", "broker", "coordinator", "port"},
	"klab/coordinator":    {"coordinator"},
	"klab/nearest":        {},
	"klab/configs":        {},
	"klab/port":           {},
	"klab/e2e":            {"e2e"},
}

func TestImportArrows(t *testing.T) {
	for path, file := range goFiles(t) {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		pkg := packageOf(path)
		may, ok := rule(pkg)
		if !ok {
			t.Errorf("%s: package %s has no rule in this test: decide what it may import", path, pkg)
			continue
		}
		for _, imported := range file.imports {
			target, ours := strings.CutPrefix(imported, "klab/")
			if ours && !permits(may, target) {
				t.Errorf("%s imports %s, which %s may not", path, imported, pkg)
			}
		}
	}
}

// TestTestsStayOutOfTheProgram keeps package testing, and what serves tests alone, out of the binary.
func TestTestsStayOutOfTheProgram(t *testing.T) {
	const support = "klab/broker/story"
	for path, file := range goFiles(t) {
		if strings.HasSuffix(path, "_test.go") || packageOf(path) == support {
			continue
		}
		for _, imported := range file.imports {
			if imported == "testing" || imported == support {
				t.Errorf("%s imports %s, which is for tests", path, imported)
			}
		}
	}
}

func TestEveryPackageStatesItsContract(t *testing.T) {
	commented := map[string]bool{}
	for path, file := range goFiles(t) {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		pkg := packageOf(path)
		commented[pkg] = commented[pkg] || file.commented
	}
	for pkg, ok := range commented {
		if !ok {
			t.Errorf("package %s has no comment that states its contract", pkg)
		}
	}
}

type goFile struct {
	imports   []string
	commented bool
}

func goFiles(t *testing.T) map[string]goFile {
	t.Helper()
	files := map[string]goFile{}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path != "." && strings.HasPrefix(entry.Name(), ".") {
			return filepath.SkipDir
		}
		if entry.IsDir() || filepath.Ext(path) != ".go" {
			return nil
		}
		files[filepath.ToSlash(path)], err = parse(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func parse(path string) (goFile, error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return goFile{}, err
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), path, source, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return goFile{}, err
	}
	file := goFile{commented: parsed.Doc != nil}
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return goFile{}, err
		}
		file.imports = append(file.imports, imported)
	}
	return file, nil
}

func packageOf(path string) string {
	if dir := filepath.ToSlash(filepath.Dir(path)); dir != "." {
		return "klab/" + dir
	}
	return "klab"
}

// rule finds the rule of the longest prefix of pkg.
func rule(pkg string) ([]string, bool) {
	for prefix := pkg; ; {
		if may, ok := allowed[prefix]; ok {
			return may, true
		}
		cut := strings.LastIndexByte(prefix, '/')
		if cut < 0 || prefix[:cut] == "klab" {
			return nil, false
		}
		prefix = prefix[:cut]
	}
}

func permits(may []string, target string) bool {
	for _, prefix := range may {
		if target == prefix || strings.HasPrefix(target, prefix+"/") {
			return true
		}
	}
	return false
}
