package txnlog

import (
	"errors"
	"fmt"
	"hash"
	"hash/adler32"
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

func readNode(r *jute.Reader, path string, lists map[int64][]tree.ACL) tree.ImageNode {
	if path == "" {
		path = "/"
	}
	return tree.ImageNode{
		Path: path, Data: r.Buffer(), ACL: lists[r.Long()],
		Czxid: r.Long(), Mzxid: r.Long(), Ctime: r.Long(), Mtime: r.Long(),
		Version: r.Int(), Creates: r.Int(), Aversion: r.Int(), Owner: r.Long(), Pzxid: r.Long(),
	}
}

// WriteSnapshot writes an image to disk, then removes the snapshots and segments that are no longer needed. It may run
// beside Append and Commit, but not beside itself.
func (s *Store) WriteSnapshot(im *tree.Image) error {
	im.Sort()
	name := fileName(snapPrefix, im.Zxid)
	temp := filepath.Join(s.snapDir, tempPrefix+name)
	err := s.writeFile(temp, func(f File) error { return writeImage(f, im) })
	if err == nil {
		err = s.fs.Rename(temp, filepath.Join(s.snapDir, name))
	}
	if err == nil {
		err = s.fs.SyncDir(s.snapDir)
	}
	if err == nil {
		err = s.purge()
	}
	if err != nil {
		return fmt.Errorf("cannot write snapshot %s: %w", filepath.Join(s.snapDir, name), err)
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
