package launcher

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// Home is klab's home: given if it is not empty, else $KLAB_HOME, else the platform's directory for an application's data:
// $XDG_DATA_HOME/klab or ~/.local/share/klab, ~/Library/Application Support/klab, %LocalAppData%\klab. It is absolute; nothing is created.
func Home(given string) (string, error) {
	dir := given
	if dir == "" {
		dir = os.Getenv("KLAB_HOME")
	}
	if dir == "" {
		base, err := dataDir()
		if err != nil {
			return "", fmt.Errorf("cannot find a place for klab's data: %w; give one with --home", err)
		}
		dir = filepath.Join(base, "klab")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("cannot find klab's home: %w", err)
	}
	return dir, nil
}

func dataDir() (string, error) {
	switch runtime.GOOS {
	case "windows":
		return os.UserCacheDir() // %LocalAppData%
	case "darwin", "ios":
		return os.UserConfigDir() // ~/Library/Application Support
	}
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".local", "share"), err
}
