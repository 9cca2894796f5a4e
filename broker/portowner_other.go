//go:build !linux

package broker

// portOwner would name the process that listens on a TCP port; other systems do not tell without special rights.
func portOwner(int) string { return "" }
