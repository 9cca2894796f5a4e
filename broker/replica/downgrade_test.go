package replica

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/storage"
	"klab/broker/storage/batch"
)

func TestOldFetchesGetOldFormats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1)
		l.elect(0, 1, []int32{1}, []int32{1})
		b := l.brokers[1]
		within(t, time.Second, b.produce(0, -1, "v0", "v1"))
		log := b.table().hosted[tp(0)].log
		fetch := func(version int16) kmsg.FetchResponseTopicPartition {
			req := consumerFetch(0, 1)
			req.Version, req.SessionEpoch = version, 0
			if version >= 7 {
				req.SessionEpoch = -1
			}
			return b.fetchOnce(req).Topics[0].Partitions[0]
		}
		for version, magic := range map[int16]int8{0: 0, 1: 0, 2: 1, 3: 1, 4: 2, 9: 2, 12: 2} {
			a := fetch(version)
			got, err := batch.Next(a.RecordBatches)
			if err != nil || a.ErrorCode != 0 || got.Magic() != magic {
				t.Errorf("version %d: format %d, error %d, %v; want format %d", version, got.Magic(), a.ErrorCode, err, magic)
			}
			if all := values(t, a.RecordBatches); all[len(all)-1] != "v1" || magic < 2 && len(all) != 1 {
				t.Errorf("version %d: %q", version, all)
			}
		}
		refused := func(why string, change func(*storage.LogConfig), want map[int16]int16) {
			c := storage.DefaultLogConfig()
			change(&c)
			log.SetConfig(c)
			for version, code := range want {
				if a := fetch(version); a.ErrorCode != code {
					t.Errorf("%s, version %d: error %d, want %d", why, version, a.ErrorCode, code)
				}
			}
		}
		refused("message.downconversion.enable=false", func(c *storage.LogConfig) { c.DownConversion = false },
			map[int16]int16{3: kerr.UnsupportedVersion.Code, 4: 0})
		refused("compression.type=zstd", func(c *storage.LogConfig) { c.CompressionType = "zstd" },
			map[int16]int16{3: kerr.UnsupportedCompressionType.Code, 9: kerr.UnsupportedCompressionType.Code, 10: 0})
	})
}
