package server

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"runtime/debug"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// vectorFrom is the size of record data from which a fetch reply is written as vectors instead of being copied together.
const vectorFrom = 16 << 10

var errNilResponse = errors.New("the handler replied with nothing")

// write encodes and writes one response and gives the request's frame back.
func (c *conn) write(o owed, resp kmsg.Response) (err error) {
	defer o.reply.ended()
	defer func() {
		if p := recover(); p != nil { // a response that does not encode is a handler's fault like any other
			c.srv.log.Error("a response did not encode", "remote", c.net.RemoteAddr(), "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("a response did not encode: %v", p)
		}
	}()
	if resp == nil {
		return errNilResponse
	}
	resp.SetVersion(o.version)
	if f, ok := resp.(*kmsg.FetchResponse); ok {
		err = c.writeFetch(o.correlation, f)
	} else {
		err = c.writePlain(o.correlation, resp)
	}
	c.srv.buffers.Put(o.frame)
	return err
}

func (c *conn) writePlain(correlation int32, resp kmsg.Response) error {
	buf := c.srv.buffers.Get(replyBuffer)
	out := append((*buf)[:0], 0, 0, 0, 0)
	out = appendHeader(out, resp, correlation)
	out = resp.AppendTo(out)
	binary.BigEndian.PutUint32(out, uint32(len(out)-4))
	_, err := c.net.Write(out)
	*buf = out
	c.srv.buffers.Put(buf)
	return err
}

// replyBuffer is what a response is encoded into before it has to grow.
const replyBuffer = 4 << 10

// writeFetch writes a fetch response. Records go to the socket from where they are, not by way of a buffer.
func (c *conn) writeFetch(correlation int32, resp *kmsg.FetchResponse) error {
	buf := c.srv.buffers.Get(replyBuffer)
	e := fetchEncoder{out: append((*buf)[:0], 0, 0, 0, 0), version: resp.Version}
	e.out = appendHeader(e.out, resp, correlation)
	e.response(resp)
	binary.BigEndian.PutUint32(e.out, uint32(len(e.out)-4+e.outside))
	var err error
	if len(e.records) == 0 {
		_, err = c.net.Write(e.out)
	} else {
		vectors := e.vectors()
		_, err = vectors.WriteTo(c.net)
	}
	*buf = e.out
	c.srv.buffers.Put(buf)
	return err
}

// vectors interleaves the encoded fields with the records that stayed outside.
func (e *fetchEncoder) vectors() net.Buffers {
	vectors := make(net.Buffers, 0, 2*len(e.records)+1)
	from := 0
	for _, r := range e.records {
		vectors = append(vectors, e.out[from:r.at], r.bytes)
		from = r.at
	}
	return append(vectors, e.out[from:])
}
