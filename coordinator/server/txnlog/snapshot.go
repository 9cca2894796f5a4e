package txnlog

import (
	"errors"
	"fmt"
	"hash"
	"hash/adler32"
	"io/fs"
	"path/filepath"

	"klab/coordinator/server/jute"
	"klab/coordinator/server/tree"
)

// openACLNumber stands for the list that lets anyone do anything; it is not in the table of lists.
const openACLNumber = -1

// A snapshotWriter streams a snapshot into a file, summing as it goes.
type snapshotWriter struct {
	file File
	off  int64
	buf  []byte
	sum  hash.Hash32
	err  error
}

func (w *snapshotWriter) flush() {
	if w.err == nil {
		_, w.err = w.file.WriteAt(w.buf, w.off)
	}
	w.sum.Write(w.buf)
	w.off += int64(len(w.buf))
	w.buf = w.buf[:0]
}

// writeImage writes im, its nodes sorted, in ZooKeeper's snapshot format. It does not sync.
func writeImage(file File, im *tree.Image) error {
	w := &snapshotWriter{file: file, sum: adler32.New()}
	w.buf = appendHeader(w.buf, snapMagic, -1)
	w.buf = jute.AppendInt(w.buf, int32(len(im.Sessions)))
	for id, timeout := range im.Sessions {
		w.buf = jute.AppendInt(jute.AppendLong(w.buf, id), timeout)
	}
	numbers, lists := numberACLs(im.Nodes)
	w.buf = jute.AppendInt(w.buf, int32(len(lists)))
	for i, list := range lists {
		w.buf = append(jute.AppendLong(w.buf, int64(i+1)), list...)
	}
	for i := range im.Nodes {
		w.buf = appendNode(w.buf, &im.Nodes[i], numbers)
		if len(w.buf) > 64<<10 {
			w.flush()
		}
	}
	w.buf = jute.AppendUString(w.buf, "/")
	w.flush()
	w.buf = jute.AppendUString(jute.AppendLong(w.buf, int64(w.sum.Sum32())), "/")
	w.flush()
	return w.err
}

// numberACLs gives each distinct list that is not open a number from 1, and returns the lists encoded, in that order.
func numberACLs(nodes []tree.ImageNode) (numbers map[string]int64, lists []string) {
	numbers = map[string]int64{}
	for i := range nodes {
		if tree.IsOpen(nodes[i].ACL) {
			continue
		}
		key := string(tree.AppendACLs(nil, nodes[i].ACL))
		if numbers[key] == 0 {
			lists = append(lists, key)
			numbers[key] = int64(len(lists))
		}
	}
	return numbers, lists
}

func appendNode(b []byte, n *tree.ImageNode, numbers map[string]int64) []byte {
	path := n.Path
	if path == "/" {
		path = ""
	}
	b = jute.AppendBuffer(jute.AppendUString(b, path), n.Data)
	number := int64(openACLNumber)
	if !tree.IsOpen(n.ACL) {
		number = numbers[string(tree.AppendACLs(nil, n.ACL))]
	}
	for _, v := range [...]int64{number, n.Czxid, n.Mzxid, n.Ctime, n.Mtime} {
		b = jute.AppendLong(b, v)
	}
	for _, v := range [...]int32{n.Version, n.Creates, n.Aversion} {
		b = jute.AppendInt(b, v)
	}
	return jute.AppendLong(jute.AppendLong(b, n.Owner), n.Pzxid)
}

// readImage decodes a snapshot file whose name says zxid. Any damage is an error.
func readImage(b []byte, zxid int64) (*tree.Image, error) {
	if err := checkHeader(b, snapMagic); err != nil {
		return nil, err
	}
	r := jute.NewReader(b[headerSize:])
	im := &tree.Image{Zxid: zxid, Sessions: map[int64]int32{}}
	for range r.Count(12) {
		id := r.Long()
		im.Sessions[id] = r.Int()
	}
	lists := map[int64][]tree.ACL{openACLNumber: tree.OpenACL()}
	for range r.Count(12) {
		number := r.Long()
		lists[number] = tree.ReadACLs(r)
	}
	for {
		path := r.UString()
		if r.Err() != nil || path == "/" {
			break
		}
		n := readNode(r, path, lists)
		if n.Path != "" {
			im.Nodes = append(im.Nodes, n)
		}
	}
	if r.Err() != nil {
		return nil, r.Err()
	}
	sum := adler32.Checksum(b[:len(b)-r.Len()])
	if r.Long() != int64(sum) || r.UString() != "/" || r.Err() != nil {
		return nil, errors.New("checksum does not match")
	}
	im.Sort()
	return im, nil
}

// readNode reads what follows a node's path. ZooKeeper writes the table of lists before the nodes, and goes on meanwhile:
// a node may refer to a list that came later.
func readNode(r *jute.Reader, path string, lists map[int64][]tree.ACL) tree.ImageNode {
	if path == "" {
		path = "/"
	}
	data := r.Buffer()
	acl, known := lists[r.Long()]
	if !known {
		acl = tree.LostACL()
	}
	return tree.ImageNode{
		Path: path, Data: data, ACL: acl,
		Czxid: r.Long(), Mzxid: r.Long(), Ctime: r.Long(), Mtime: r.Long(),
		Version: r.Int(), Creates: r.Int(), Aversion: r.Int(), Owner: r.Long(), Pzxid: r.Long(),
	}
}

// WriteSnapshot writes an image to disk, then removes the snapshots and segments that are no longer needed. It may run
// beside Append and Commit, but not beside itself.
func (s *Store) WriteSnapshot(im *tree.Image) error {
	im.Sort()
	path := filepath.Join(s.snapDir, fileName(snapPrefix, im.Zxid))
	err := s.replaceFile(path, func(f File) error { return writeImage(f, im) })
	if err == nil {
		err = s.purge()
	}
	if err != nil {
		return fmt.Errorf("cannot write snapshot %s: %w", path, err)
	}
	return nil
}

// replaceFile makes a file durable under its name at once or not at all. A failure gives back the space: the disk may be
// full, and the log needs it.
func (s *Store) replaceFile(path string, fill func(File) error) error {
	dir, name := filepath.Split(path)
	temp := filepath.Join(dir, tempPrefix+name)
	err := s.writeFile(temp, fill)
	if err == nil {
		err = s.fs.Rename(temp, path)
	}
	if err != nil {
		return errors.Join(err, s.removeIfThere(temp))
	}
	return s.fs.SyncDir(filepath.Clean(dir))
}

func (s *Store) removeIfThere(path string) error {
	if err := s.fs.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// writeFile creates a file, fills it and syncs it.
func (s *Store) writeFile(path string, fill func(File) error) error {
	f, err := s.fs.Create(path)
	if err != nil {
		return err
	}
	err = fill(f)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
