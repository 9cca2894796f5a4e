package demos

import (
	"embed"
	"fmt"
	"os"
	"path"
	"strings"
)

//go:embed lessons/*.toml
var lessonFiles embed.FS

// Lessons returns the lessons that klab ships, in the order in which to take them.
func Lessons() ([]*File, error) {
	entries, err := lessonFiles.ReadDir("lessons")
	if err != nil {
		return nil, fmt.Errorf("cannot list lessons: %w", err)
	}
	var files []*File
	for _, entry := range entries {
		name := path.Join("lessons", entry.Name())
		data, err := lessonFiles.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("cannot read lesson: %w", err)
		}
		file, err := Parse(entry.Name(), data)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

// Find returns a lesson that klab ships by its id, or reads one from a file when the name is a path to a .toml.
func Find(name string) (*File, error) {
	if strings.HasSuffix(name, ".toml") {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("cannot read lesson: %w", err)
		}
		return Parse(name, data)
	}
	files, err := Lessons()
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, file := range files {
		if file.ID == name {
			return file, nil
		}
		ids = append(ids, file.ID)
	}
	return nil, fmt.Errorf("there is no lesson %s; %s", name, nearest(name, ids))
}
