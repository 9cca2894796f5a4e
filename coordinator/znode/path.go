package znode

import (
	"net/url"
	"strconv"
	"strings"
)

// Paths of single nodes and of the directories that brokers watch.
const (
	ClusterIDPath               = "/cluster/id"
	BrokersPath                 = "/brokers/ids"
	BrokerSequencePath          = "/brokers/seqid"
	TopicsPath                  = "/brokers/topics"
	ControllerPath              = "/controller"
	ControllerEpochPath         = "/controller_epoch"
	FeaturePath                 = "/feature"
	MigrationPath               = "/migration"
	ConsumersPath               = "/consumers"
	ProducerIDBlockPath         = "/latest_producer_id_block"
	ConfigPathRoot              = "/config"
	ConfigChangesPath           = "/config/changes"
	DeleteTopicsPath            = "/admin/delete_topics"
	ReassignPartitionsPath      = "/admin/reassign_partitions"
	PreferredElectionPath       = "/admin/preferred_replica_election"
	ISRChangeNotificationPath   = "/isr_change_notification"
	LogDirEventNotificationPath = "/log_dir_event_notification"
)

// Prefixes of the sequential nodes below the notification directories.
const (
	ConfigChangePrefix = ConfigChangesPath + "/config_change_"
	ISRChangePrefix    = ISRChangeNotificationPath + "/isr_change_"
	LogDirEventPrefix  = LogDirEventNotificationPath + "/log_dir_event_"
)

// PersistentPaths are the nodes that every broker creates at its start when
// they are missing, with null data, in Kafka's order.
func PersistentPaths() []string {
	return []string{
		ConsumersPath, BrokersPath, TopicsPath, ConfigChangesPath, DeleteTopicsPath,
		BrokerSequencePath, ISRChangeNotificationPath, ProducerIDBlockPath, LogDirEventNotificationPath,
		"/config/topics", "/config/clients", "/config/users", "/config/brokers", "/config/ips",
	}
}

// OldOffsetPath is the node with the offset of a consumer before 0.9.
func OldOffsetPath(group string, tp TopicPartition) string {
	return ConsumersPath + "/" + group + "/offsets/" + tp.Topic + "/" + itoa(tp.Partition)
}

// BrokerPath is the ephemeral node by which a broker registers.
func BrokerPath(id int32) string { return BrokersPath + "/" + itoa(id) }

// TopicPath is the node with the topic's assignment and id.
func TopicPath(topic string) string { return TopicsPath + "/" + topic }

// TopicPartitionsPath is the directory of the topic's partitions.
func TopicPartitionsPath(topic string) string { return TopicPath(topic) + "/partitions" }

// PartitionPath is the node above a partition's state.
func PartitionPath(tp TopicPartition) string {
	return TopicPartitionsPath(tp.Topic) + "/" + itoa(tp.Partition)
}

// PartitionStatePath is the node with the partition's leader, epoch and ISR.
func PartitionStatePath(tp TopicPartition) string { return PartitionPath(tp) + "/state" }

// DeleteTopicPath is the marker by which a topic's deletion is asked for.
func DeleteTopicPath(topic string) string { return DeleteTopicsPath + "/" + topic }

// Types of entities that have configs of their own.
const (
	ConfigTopics  = "topics"
	ConfigClients = "clients"
	ConfigUsers   = "users"
	ConfigBrokers = "brokers"
	ConfigIPs     = "ips"
)

// DefaultEntity is the name of the entity that holds the defaults of its type.
const DefaultEntity = "<default>"

// ConfigPath is the node with the config overrides of an entity. Names of users
// and clients must have gone through Sanitize; the others are used raw.
func ConfigPath(entityType, name string) string {
	return ConfigPathRoot + "/" + entityType + "/" + name
}

// TopicConfigPath is the node with a topic's config overrides.
func TopicConfigPath(topic string) string { return ConfigPath(ConfigTopics, topic) }

// BrokerConfigPath is the node with a broker's dynamic configs.
func BrokerConfigPath(id int32) string { return ConfigPath(ConfigBrokers, itoa(id)) }

// Sanitize encodes the name of a user or client for use in a path, as Kafka
// does: Java's form encoding, but %20 for a space and %2A for a star.
func Sanitize(name string) string {
	s := url.QueryEscape(name)
	s = strings.ReplaceAll(s, "+", "%20")
	s = strings.ReplaceAll(s, "~", "%7E")
	return strings.ReplaceAll(s, "*", "%2A")
}

// Desanitize undoes Sanitize.
func Desanitize(name string) (string, error) { return url.QueryUnescape(name) }

// ChildOf returns the name of the child of dir that path names: ("3", true) for
// dir "/brokers/ids" and path "/brokers/ids/3". Grandchildren are not children.
func ChildOf(dir, path string) (string, bool) {
	rest, ok := strings.CutPrefix(path, dir+"/")
	if !ok || rest == "" || strings.Contains(rest, "/") {
		return "", false
	}
	return rest, true
}

// SequenceOf returns the ten-digit number that ZooKeeper put at the end of a
// sequential node's name, or false when there is none.
func SequenceOf(name string) (int64, bool) {
	i := strings.LastIndexByte(name, '_')
	if i < 0 {
		return 0, false
	}
	n, err := strconv.ParseInt(name[i+1:], 10, 64)
	return n, err == nil
}

func itoa(n int32) string { return strconv.FormatInt(int64(n), 10) }
