package server

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/wire"
)

const (
	keyApiVersions        = 18
	keyControlledShutdown = 7
	keyProduce            = 0
	keyFetch              = 1
)

// table finds what serves a key.
type table struct {
	entries []Entry
	byKey   map[int16]*Entry
}

func newTable(entries []Entry) *table {
	t := &table{entries: entries, byKey: make(map[int16]*Entry, len(entries))}
	for i := range entries {
		t.byKey[entries[i].Key] = &entries[i]
	}
	return t
}

// call is a decoded frame: either a request with its entry, or, for a version of ApiVersions that is not served, the
// response that says so.
type call struct {
	req         kmsg.Request
	entry       *Entry
	clientID    string
	correlation int32
	refusal     kmsg.Response
}

// decode reads a request header (v0, v1 or v2) and the request from a frame. Any error means: close the connection.
func (t *table) decode(frame []byte) (call, error) {
	b := kbin.Reader{Src: frame}
	key, version, correlation := b.Int16(), b.Int16(), b.Int32()
	if !b.Ok() {
		return call{}, errors.New("cannot decode a request header: it is cut short")
	}
	c := call{correlation: correlation, entry: t.byKey[key]}
	if c.entry == nil {
		return c, fmt.Errorf("cannot serve API key %d: it is not served here", key)
	}
	if version < c.entry.Min || version > c.entry.Max {
		if key == keyApiVersions {
			c.refusal = t.unsupportedApiVersions()
			return c, nil
		}
		return c, fmt.Errorf("cannot serve %s v%d: versions %d to %d are served", kmsg.NameForKey(key), version, c.entry.Min, c.entry.Max)
	}
	c.req = kmsg.RequestForKey(key)
	c.req.SetVersion(version)
	if err := c.decodeRest(&b); err != nil {
		return c, fmt.Errorf("cannot decode %s v%d: %w", kmsg.NameForKey(key), version, err)
	}
	return c, nil
}

// decodeRest reads what follows the correlation id: the rest of the header, and the request.
func (c *call) decodeRest(b *kbin.Reader) error {
	key, version := c.req.Key(), c.req.GetVersion()
	if key != keyControlledShutdown || version > 0 { // header v0 has no client id
		if id := b.NullableString(); id != nil {
			c.clientID = *id
		}
	}
	if c.req.IsFlexible() {
		skipTags(b)
	}
	if err := b.Complete(); err != nil {
		return err
	}
	if err := plausible(key, version, b.Src); err != nil {
		return err
	}
	return wire.Request(c.req).ReadFrom(b.Src)
}

// skipTags passes over the tagged fields of a flexible header (KIP-482). None is defined that we need.
func skipTags(b *kbin.Reader) {
	for n := b.Uvarint(); n > 0 && b.Ok(); n-- {
		b.Uvarint()              // the tag
		b.Span(int(b.Uvarint())) // its bytes
	}
}

// unsupportedApiVersions answers a version of ApiVersions that is not served: UNSUPPORTED_VERSION in the bytes of version 0, with
// the ranges, so that the client can go on at once (KIP-511). As Kafka 3.9 does, it names ApiVersions alone.
func (t *table) unsupportedApiVersions() kmsg.Response {
	resp := kmsg.NewPtrApiVersionsResponse()
	resp.ErrorCode = kerr.UnsupportedVersion.Code
	e := t.byKey[keyApiVersions]
	k := kmsg.NewApiVersionsResponseApiKey()
	k.ApiKey, k.MinVersion, k.MaxVersion = e.Key, e.Min, e.Max
	resp.ApiKeys = append(resp.ApiKeys, k)
	return resp
}

// appendHeader appends a response header: v0, or v1 with an empty tag section for a flexible version, except for
// ApiVersions, whose header is always v0 so that a client that guessed the version wrong can read it (KIP-511).
func appendHeader(dst []byte, resp kmsg.Response, correlation int32) []byte {
	dst = kbin.AppendInt32(dst, correlation)
	if resp.IsFlexible() && resp.Key() != keyApiVersions {
		dst = append(dst, 0)
	}
	return dst
}
