package storage

import (
	"slices"
	"testing"
)

func TestEpochsAssign(t *testing.T) {
	base := epochs{{0, 0}, {2, 10}, {5, 20}}
	for _, c := range []struct {
		epoch int32
		start int64
		want  epochs
	}{
		{7, 30, epochs{{0, 0}, {2, 10}, {5, 20}, {7, 30}}},
		{7, 20, epochs{{0, 0}, {2, 10}, {7, 20}}}, // an epoch in which nothing was written
		{7, 5, epochs{{0, 0}, {7, 5}}},
		{2, 30, epochs{{0, 0}, {2, 30}}},
		{0, 0, epochs{{0, 0}}},
	} {
		if got := base.assign(c.epoch, c.start); !slices.Equal(got, c.want) {
			t.Errorf("assign(%d, %d) = %v, want %v", c.epoch, c.start, got, c.want)
		}
	}
	if !slices.Equal(base, epochs{{0, 0}, {2, 10}, {5, 20}}) {
		t.Error("the original changed")
	}
}

func TestEpochsCut(t *testing.T) {
	base := epochs{{0, 0}, {2, 10}, {5, 20}}
	for end, want := range map[int64]int{0: 0, 1: 1, 10: 1, 11: 2, 20: 2, 21: 3, 100: 3} {
		if got := base.cutEnd(end); len(got) != want {
			t.Errorf("cutEnd(%d) = %v", end, got)
		}
	}
	for start, want := range map[int64]epochs{
		0:  base,
		5:  {{0, 5}, {2, 10}, {5, 20}},
		10: {{2, 10}, {5, 20}},
		15: {{2, 15}, {5, 20}},
		99: {{5, 99}},
	} {
		if got := base.cutStart(start); !slices.Equal(got, want) {
			t.Errorf("cutStart(%d) = %v, want %v", start, got, want)
		}
	}
}

func TestEndOffsetForEpoch(t *testing.T) {
	base := epochs{{1, 5}, {3, 10}, {6, 20}}
	for _, c := range []struct {
		asked, epoch int32
		end          int64
	}{
		{-1, -1, -1}, {0, 0, 5}, {1, 1, 10}, {2, 1, 10}, {3, 3, 20}, {5, 3, 20}, {6, 6, 99}, {7, -1, -1},
	} {
		if epoch, end := base.endOffset(c.asked, 99); epoch != c.epoch || end != c.end {
			t.Errorf("endOffset(%d) = (%d, %d), want (%d, %d)", c.asked, epoch, end, c.epoch, c.end)
		}
	}
	if epoch, end := epochs(nil).endOffset(0, 99); epoch != -1 || end != -1 {
		t.Errorf("without epochs: (%d, %d)", epoch, end)
	}
	for offset, want := range map[int64]int32{4: -1, 5: 1, 9: 1, 10: 3, 25: 6} {
		if got := base.at(offset); got != want {
			t.Errorf("at(%d) = %d, want %d", offset, got, want)
		}
	}
}
