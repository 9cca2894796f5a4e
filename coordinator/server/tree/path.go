package tree

import "strings"

// The nodes that every ZooKeeper has. They cannot be deleted.
const (
	rootPath   = "/"
	systemPath = "/zookeeper"
	quotaPath  = "/zookeeper/quota"
	configPath = "/zookeeper/config"
)

// canonical maps the empty string, which ZooKeeper takes for the root, to the root.
func canonical(path string) string {
	if path == "" {
		return rootPath
	}
	return path
}

// split cuts a path at its last slash. The parent of a top-level node is the root.
func split(path string) (parent, name string, ok bool) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 || strings.IndexByte(path, 0) >= 0 {
		return "", "", false
	}
	return canonical(path[:i]), path[i+1:], true
}

// validPath applies ZooKeeper's PathUtils.validatePath.
func validPath(path string) bool {
	if path == rootPath {
		return true
	}
	if path == "" || path[0] != '/' || path[len(path)-1] == '/' {
		return false
	}
	for part := range strings.SplitSeq(path[1:], "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return !strings.ContainsFunc(path, forbidden)
}

// forbidden includes what lies beyond U+FFFF, which ZooKeeper sees as two surrogates, and U+FFFD, which bytes that are
// not UTF-8 decode to.
func forbidden(r rune) bool {
	return r <= 0x1f || r >= 0x7f && r <= 0x9f || r >= 0xd800 && r <= 0xf8ff || r >= 0xfff0
}

// ancestors calls yield with path, its parent, and so on up to the root, until yield says stop.
func ancestors(path string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for yield(path) && path != rootPath {
			parent, _, ok := split(path)
			if !ok {
				return
			}
			path = parent
		}
	}
}

// within tells whether path is top or lies below it.
func within(path, top string) bool {
	return path == top || top == rootPath || strings.HasPrefix(path, top) && path[len(top)] == '/'
}
