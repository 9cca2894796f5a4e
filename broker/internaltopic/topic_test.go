package internaltopic

import "testing"

// The expected values are Java's: Math.abs(s.hashCode()) % n, with Kafka's Utils.abs for the least integer.
func TestPartitionOfIsJavas(t *testing.T) {
	for _, c := range []struct {
		key  string
		n    int32
		want int32
	}{
		{"", 50, 0},
		{"a", 50, 97 % 50},
		{"hello", 50, 99162322 % 50},
		{"polygenelubricants", 50, 0}, // hashes to -2^31
		{"Aa", 7, 2112 % 7},
		{"BB", 7, 2112 % 7},
		{"\U0001F600", 50, (31*0xD83D + 0xDE00) % 50}, // hashed by UTF-16 units
	} {
		if got := partitionOf(c.key, c.n); got != c.want {
			t.Errorf("partitionOf(%q, %d) = %d, want %d", c.key, c.n, got, c.want)
		}
	}
}
