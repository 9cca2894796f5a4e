package fsys

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func content(t *testing.T, f FS, name string) string {
	t.Helper()
	data, err := ReadFile(f, name)
	if errors.Is(err, fs.ErrNotExist) {
		return "absent"
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestCrashKeepsWhatWasSynced(t *testing.T) {
	m := NewMem()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(m.MkdirAll("/d"))
	must(m.SyncDir("/"))
	must(WriteFileSync(m, "/d/named", []byte("old")))
	must(WriteFileSync(m, "/d/moved", []byte("moved")))
	must(m.SyncDir("/d"))
	must(WriteFileSync(m, "/d/nameless", []byte("synced")))
	must(WriteFile(m, "/d/named", []byte("newer")))
	must(m.Rename("/d/moved", "/d/target"))
	for survive, want := range map[float64][4]string{
		0: {"old", "absent", "moved", "absent"},
		1: {"newer", "synced", "absent", "moved"},
	} {
		c := m.CrashClone(survive, nil)
		got := [4]string{content(t, c, "/d/named"), content(t, c, "/d/nameless"), content(t, c, "/d/moved"), content(t, c, "/d/target")}
		if got != want {
			t.Errorf("survive %v: %q, want %q", survive, got, want)
		}
	}
	seen := map[string]bool{}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		seen[content(t, m.CrashClone(0.5, rng), "/d/named")] = true
	}
	if len(seen) < 3 {
		t.Errorf("fifty crashes left only %v", seen)
	}
}

// What both file systems must do alike.
func TestFileSystemsAgree(t *testing.T) {
	for name, f := range map[string]FS{"OS": OS{}, "Mem": NewMem()} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "a", "b")
			if _, err := f.OpenFile(filepath.Join(dir, "x"), os.O_RDWR|os.O_CREATE); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("open in no directory: %v", err)
			}
			if err := f.MkdirAll(dir); err != nil {
				t.Fatal(err)
			}
			x, y := filepath.Join(dir, "x"), filepath.Join(dir, "y")
			if err := ReplaceFile(f, x, []byte("hello")); err != nil || content(t, f, x) != "hello" {
				t.Errorf("replace: %v", err)
			}
			if err := WriteFile(f, y, nil); err != nil {
				t.Fatal(err)
			}
			if err := f.Rename(x, y); err != nil || content(t, f, y) != "hello" || content(t, f, x) != "absent" {
				t.Errorf("rename over a file: %v", err)
			}
			file, err := f.OpenFile(y, os.O_RDWR)
			if err != nil {
				t.Fatal(err)
			}
			if err := file.Truncate(2); err != nil {
				t.Error(err)
			}
			if _, err := file.WriteAt([]byte("!"), 4); err != nil || content(t, f, y) != "he\x00\x00!" {
				t.Errorf("write behind the end: %q, %v", content(t, f, y), err)
			}
			if err := file.Close(); err != nil {
				t.Error(err)
			}
			if _, err := file.ReadAt(make([]byte, 1), 0); !errors.Is(err, fs.ErrClosed) {
				t.Errorf("read of a closed file: %v", err)
			}
			infos, err := f.ReadDir(dir)
			if err != nil || len(infos) != 1 || infos[0].Name != "y" || infos[0].Size != 5 || infos[0].Dir {
				t.Errorf("list: %+v, %v", infos, err)
			}
			if err := f.RemoveAll(dir); err != nil {
				t.Error(err)
			}
			if err := f.Remove(y); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("remove of nothing: %v", err)
			}
		})
	}
}

func TestIntercept(t *testing.T) {
	m := NewMem()
	readOnly := Intercept(m, func(op Op) error {
		if op.Kind.Changes() {
			return syscall.EROFS
		}
		return nil
	})
	if err := WriteFile(m, "/x", []byte("x")); err != nil {
		t.Fatal(err)
	}
	file, err := readOnly.OpenFile("/x", os.O_RDWR)
	if err != nil {
		t.Fatal(err)
	}
	_, write := file.WriteAt([]byte("y"), 0)
	for name, err := range map[string]error{
		"write": write, "truncate": file.Truncate(0), "create": WriteFile(readOnly, "/y", nil),
		"rename": readOnly.Rename("/x", "/y"), "remove": readOnly.Remove("/x"), "remove all": readOnly.RemoveAll("/x"), "mkdir": readOnly.MkdirAll("/d"),
	} {
		if !errors.Is(err, syscall.EROFS) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if content(t, readOnly, "/x") != "x" {
		t.Error("the file changed")
	}
}
