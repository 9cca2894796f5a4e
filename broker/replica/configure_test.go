package replica

import (
	"testing"
	"testing/synctest"

	"klab/broker/storage"
)

// TestAConfigurationThatChangesWhileAReplicaIsOpened has the change come when the replica has read the old one and is not found
// yet.
func TestAConfigurationThatChangesWhileAReplicaIsOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1)
		b := l.brokers[1]
		current := storage.DefaultLogConfig()
		b.cfg.LogConfig = func(topic string) storage.LogConfig {
			read := current
			if current.RetentionMs != 1 {
				current.RetentionMs = 1
				b.TopicConfigChanged(topic)
			}
			return read
		}
		l.elect(0, 1, []int32{1}, []int32{1})
		log, ok := b.dir.Log(tp(0))
		if !ok || log.Config().RetentionMs != 1 {
			t.Errorf("the log has retention.ms=%d, want the new one", log.Config().RetentionMs)
		}
	})
}
