//go:build e2e || interop

package e2e

import "github.com/twmb/franz-go/pkg/kmsg"

// framingSession is about what is no request that a broker serves, and about ApiVersions, with which every client begins.
func framingSession(s *rawScript) {
	noClient := []byte{0xff, 0xff}
	s.frame("an unknown API key", 1, 999, 0, noClient)
	s.frame("a negative API key", 1, -1, 0, noClient)
	s.frame("a key of KRaft brokers: DescribeQuorum", 1, 55, 0, append(noClient, 0, 1, 0))
	for _, key := range []int16{0, 1, 2, 3, 8, 9, 10, 11, 12, 19, 22, 32, 60} {
		s.frame("a version that is too high", 1, key, rawVersions[key][1]+1, append(noClient, 0))
		s.frame("a negative version", 1, key, -1, noClient)
	}
	body := []byte("\xff\xff\x00\x04raw\x041.0\x00")
	s.frame("ApiVersions in a version that is too high", 1, 18, 5, body)
	s.frame("ApiVersions in a version that is too high, with another body", 1, 18, 6, append(noClient, 0, 1, 2, 3))
	s.frame("ApiVersions in a version that is too high, without tags", 1, 18, 5, noClient)
	s.frame("ApiVersions in the highest version there can be", 1, 18, 0x7fff, body)
	s.frame("ApiVersions in a negative version", 1, 18, -1, noClient)
	s.frame("bytes after a request's end", 1, 23, 0, append(noClient, []byte("\x00\x00\x00\x01\x00\x04none\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x01\x02\x03")...))
	s.frame("a header that is cut short", 1, 3, 1, nil)
	s.frame("a body that is cut short", 1, 3, 1, append(noClient, 0, 0))
	s.frame("an array longer than the frame", 1, 3, 1, append(noClient, 0x7f, 0xff, 0xff, 0xff))
	s.frame("an empty body", 1, 19, 0, noClient)

	s.each("ApiVersions", 1, func(int16) kmsg.Request { return software("raw-client", "1.0") })
	for _, name := range []string{"", "-raw", "raw.", "raw client", "räw", "raw_client", "a.b-c", "A"} {
		s.versions("software name "+name, 1, 2, 4, func(int16) kmsg.Request { return software(name, "1.0") })
		s.versions("software version "+name, 1, 3, 3, func(int16) kmsg.Request { return software("raw", name) })
	}
}

func software(name, version string) kmsg.Request {
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = name, version
	return req
}
