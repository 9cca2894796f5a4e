package txnlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/adler32"
	"strconv"
	"strings"

	"klab/coordinator/server/jute"
	"klab/coordinator/server/tree"
)

const (
	logMagic      = 0x5a4b4c47 // "ZKLG"
	snapMagic     = 0x5a4b534e // "ZKSN"
	formatVersion = 2
	headerSize    = 16
	recordExtra   = 8 + 4 + 1 // checksum, length and end mark of a record
	endMark       = 'B'

	logPrefix  = "log."
	snapPrefix = "snapshot."
	tempPrefix = "tmp."
)

func fileName(prefix string, zxid int64) string { return prefix + strconv.FormatUint(uint64(zxid), 16) }

// zxidOf reads the zxid in a file name.
func zxidOf(name, prefix string) (int64, bool) {
	hex, ok := strings.CutPrefix(name, prefix)
	zxid, err := strconv.ParseUint(hex, 16, 64)
	return int64(zxid), ok && err == nil
}

func appendHeader(b []byte, magic int32, dbid int64) []byte {
	return jute.AppendLong(jute.AppendInt(jute.AppendInt(b, magic), formatVersion), dbid)
}

func checkHeader(b []byte, magic int32) error {
	r := jute.NewReader(b)
	if r.Int() != magic || r.Int() != formatVersion || len(b) < headerSize {
		return errors.New("file header is missing or of another format")
	}
	return nil
}

// appendRecord appends one log record whose payload encode appends.
func appendRecord(b []byte, encode func([]byte) []byte) []byte {
	start := len(b)
	b = encode(append(b, make([]byte, 12)...))
	payload := b[start+12:]
	binary.BigEndian.PutUint64(b[start:], uint64(adler32.Checksum(payload)))
	binary.BigEndian.PutUint32(b[start+8:], uint32(len(payload)))
	return append(b, endMark)
}

// readRecord returns the payload of the record at the front of b, if there is a whole one, and the record's size.
func readRecord(b []byte) (payload []byte, size int, ok bool) {
	if len(b) < recordExtra+minPayload {
		return nil, 0, false
	}
	n := int64(binary.BigEndian.Uint32(b[8:]))
	if n < minPayload || n > int64(len(b)-recordExtra) || b[12+n] != endMark {
		return nil, 0, false
	}
	payload = b[12 : 12+n]
	if binary.BigEndian.Uint64(b) != uint64(adler32.Checksum(payload)) {
		return nil, 0, false
	}
	return payload, int(n) + recordExtra, true
}

// A cut says that a segment's tail is not whole records and was never acknowledged: keep Size bytes.
type cut struct{ Size int64 }

// replaySegment calls apply for each transaction of a segment whose name says first. In the last segment a torn tail is
// reported as a cut; everywhere else, and if acknowledged records follow it, it is an error.
func replaySegment(b []byte, first int64, last bool, apply func(tree.Txn) error) (*cut, error) {
	read := first - 1 // zxid of the last whole record
	if err := checkHeader(b, logMagic); err != nil {
		return torn(b, 0, last, read, err)
	}
	for at := headerSize; ; {
		payload, size, ok := readRecord(b[at:])
		if !ok {
			if allZero(b[at:]) {
				return nil, nil
			}
			return torn(b, at, last, read, fmt.Errorf("record at byte %d is damaged", at))
		}
		txn, _, err := readTxn(payload)
		if err == nil {
			err = apply(txn)
		}
		if err != nil {
			return nil, fmt.Errorf("at byte %d: %w", at, err)
		}
		at, read = at+size, txn.Zxid
	}
}

// torn decides whether the damage at a byte, after the transaction read, may be the end of an unfinished batch (see the
// package comment).
func torn(b []byte, at int, last bool, read int64, damage error) (*cut, error) {
	if !last {
		return nil, fmt.Errorf("%w, and later segments follow: the disk lost acknowledged writes", damage)
	}
	for i := at; i < len(b); i++ {
		payload, _, ok := readRecord(b[i:])
		if !ok {
			continue
		}
		txn, batch, err := readTxn(payload)
		if err == nil && txn.Zxid > read && (batch == 0 || batch > read+1) {
			return nil, fmt.Errorf("%w, and transaction 0x%x of a later write follows at byte %d: the disk lost acknowledged writes",
				damage, txn.Zxid, i)
		}
	}
	return &cut{int64(at)}, nil
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
