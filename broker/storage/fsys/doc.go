// Package fsys is the seam between the log and the disk.
//
// Everything that the storage layer does to files goes through [FS], so that a
// fault can be put in its way from outside: [Intercept] wraps any FS and is
// told of every operation before it happens (to delay it, or to fail it with
// ENOSPC, EROFS or EIO). [OS] is the machine's file system; [Mem] lives in memory and can
// say what a disk would hold after a crash ([Mem.CrashClone]).
//
// # Contract
//
// Names are paths in the host's form (path/filepath). Errors are those of io/fs
// (fs.ErrNotExist, fs.ErrExist, fs.ErrClosed) or wrap them. An FS and its files
// are safe for concurrent use. A write is durable only after Sync on the file,
// a new, renamed or removed name only after SyncDir on its directory.
package fsys
