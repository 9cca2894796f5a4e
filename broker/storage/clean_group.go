package storage

import "math"

// groupSegments puts together neighbours that will fit one segment, even if nothing of them can be dropped (Kafka's
// groupSegmentsBySize). end bounds the offsets of the last one.
func groupSegments(segments []*segment, c *LogConfig, end int64) (groups [][]*segment) {
	for i := 0; i < len(segments); {
		n := 1
		g := growing{base: segments[i].base}
		g.add(segments[i])
		for i+n < len(segments) {
			next := segments[i+n]
			last := end - 1
			if i+n+1 < len(segments) {
				last = segments[i+n+1].base - 1
			}
			if !g.fits(next, last, c) {
				break
			}
			g.add(next)
			n++
		}
		groups = append(groups, segments[i:i+n])
		i += n
	}
	return groups
}

// growing is a group of segments in the making.
type growing struct{ base, size, offsets, times int64 }

func (g *growing) add(s *segment) {
	offsets, times := s.indexBytes()
	g.size, g.offsets, g.times = g.size+s.size.Load(), g.offsets+offsets, g.times+times
}

// fits reports whether a segment may join, whose last offset is not above last.
func (g *growing) fits(s *segment, last int64, c *LogConfig) bool {
	offsets, times := s.indexBytes()
	return g.size+s.size.Load() <= c.SegmentBytes &&
		g.offsets+offsets <= c.SegmentIndexBytes &&
		g.times+times <= c.SegmentIndexBytes &&
		last-g.base <= math.MaxInt32
}

// indexBytes are the sizes of the indexes by offset and by time.
func (s *segment) indexBytes() (offsets, times int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.offsets.bytes(), s.times.bytes()
}
