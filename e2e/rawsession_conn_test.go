//go:build e2e || interop

package e2e

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// rawConn sends one request after another, as they are, and reads the answers.
type rawConn struct {
	net.Conn
	correlation int32
}

// rawAnswer is a decoded response, or why there is none.
type rawAnswer struct {
	resp kmsg.Response
	rest string // what the decoded response does not tell of the bytes
	err  error
}

func dialRaw(address string) (*rawConn, error) {
	conn, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		return nil, err
	}
	return &rawConn{Conn: conn}, nil
}

// ask sends a request and reads its response. A produce request with acks=0 has none: it returns an empty one at once.
func (c *rawConn) ask(req kmsg.Request, within time.Duration) rawAnswer {
	c.correlation++
	c.SetDeadline(time.Now().Add(within))
	formatter := kmsg.NewRequestFormatter(kmsg.FormatterClientID("raw"))
	if _, err := c.Write(formatter.AppendRequest(nil, asKafkaHasIt(req), c.correlation)); err != nil {
		return rawAnswer{err: err}
	}
	if produce, ok := req.(*kmsg.ProduceRequest); ok && produce.Acks == 0 {
		return rawAnswer{resp: emptyResponse(req)}
	}
	frame, err := c.readFrame()
	if err != nil {
		return rawAnswer{err: err}
	}
	return decodeAnswer(req, c.correlation, frame)
}

// stopReplica4 is StopReplica v4 as Kafka has it: the codec (kmsg 1.15.1) writes isKRaftController after the controller's epoch.
type stopReplica4 struct{ *kmsg.StopReplicaRequest }

func (r stopReplica4) AppendTo(dst []byte) []byte {
	from := len(dst)
	dst = r.StopReplicaRequest.AppendTo(dst)
	epoch, flag := binary.BigEndian.Uint32(dst[from+4:]), dst[from+8]
	dst[from+4] = flag
	binary.BigEndian.PutUint32(dst[from+5:], epoch)
	return dst
}

func asKafkaHasIt(req kmsg.Request) kmsg.Request {
	if stop, ok := req.(*kmsg.StopReplicaRequest); ok && stop.Version == 4 {
		return stopReplica4{stop}
	}
	return req
}

func (c *rawConn) readFrame() ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > 64<<20 {
		return nil, fmt.Errorf("answers with a frame of %d bytes", n)
	}
	frame := make([]byte, n)
	_, err := io.ReadFull(c, frame)
	return frame, err
}

func decodeAnswer(req kmsg.Request, correlation int32, frame []byte) rawAnswer {
	if len(frame) < 4 {
		return rawAnswer{err: errors.New("answers without a header")}
	}
	if got := int32(binary.BigEndian.Uint32(frame)); got != correlation {
		return rawAnswer{err: fmt.Errorf("answers with correlation id %d to %d", got, correlation)}
	}
	body, resp := frame[4:], emptyResponse(req)
	if resp.IsFlexible() && resp.Key() != 18 {
		if len(body) == 0 || body[0] != 0 {
			return rawAnswer{err: errors.New("answers with tags in its header")}
		}
		body = body[1:]
	}
	if err := resp.ReadFrom(body); err != nil {
		return rawAnswer{err: fmt.Errorf("answers what cannot be decoded: %v", err)}
	}
	answer := rawAnswer{resp: resp}
	if again := resp.AppendTo(nil); !bytes.Equal(again, body) {
		answer.rest = fmt.Sprintf("%+d unlike what the fields encode to", len(body)-len(again))
	}
	return answer
}

func emptyResponse(req kmsg.Request) kmsg.Response {
	resp := req.ResponseKind()
	resp.SetVersion(req.GetVersion())
	return resp
}

// answerOf is the answer as its type, an empty one if there is none.
func answerOf[R kmsg.Response](answer rawAnswer, req kmsg.Request) R {
	if resp, ok := answer.resp.(R); ok {
		return resp
	}
	return emptyResponse(req).(R)
}

func describeFailure(err error) string {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "closes the connection"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "no answer"
	}
	return err.Error()
}

// exchangeBytes sends one frame on a connection of its own and says what comes: the bytes after the correlation id, or the end.
func exchangeBytes(address string, body []byte) string {
	conn, err := dialRaw(address)
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(answerTime))
	if _, err := conn.Write(framed(body)); err != nil {
		return fmt.Sprintf("(%s)", describeFailure(err))
	}
	frame, err := conn.readFrame()
	if err != nil {
		return fmt.Sprintf("(%s)", describeFailure(err))
	}
	return fmt.Sprintf("%x", frame)
}

// framed puts a frame's length before its bytes.
func framed(body []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}
