package jute

import (
	"bytes"
	"errors"
	"math"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestEncodingIsZooKeepers(t *testing.T) {
	var b []byte
	b = AppendBool(b, true)
	b = AppendInt(b, -2)
	b = AppendLong(b, 1<<40)
	b = AppendBuffer(b, nil)
	b = AppendBuffer(b, []byte{})
	b = AppendUString(b, "/é")
	b = AppendUStrings(b, []string{"a"})
	want := []byte{1,
		0xff, 0xff, 0xff, 0xfe,
		0, 0, 1, 0, 0, 0, 0, 0,
		0xff, 0xff, 0xff, 0xff,
		0, 0, 0, 0,
		0, 0, 0, 3, '/', 0xc3, 0xa9,
		0, 0, 0, 1, 0, 0, 0, 1, 'a'}
	if !bytes.Equal(b, want) {
		t.Fatalf("got  %x\nwant %x", b, want)
	}
	r := NewReader(b)
	if !r.Bool() || r.Int() != -2 || r.Long() != 1<<40 {
		t.Fatal("fixed-size values do not read back")
	}
	if null, empty := r.Buffer(), r.Buffer(); null != nil || empty == nil || len(empty) != 0 {
		t.Fatalf("null buffer %v and empty buffer %v must stay distinct", null, empty)
	}
	if s, ss := r.UString(), r.UStrings(); s != "/é" || !slices.Equal(ss, []string{"a"}) {
		t.Fatalf("got %q %q", s, ss)
	}
	if r.Err() != nil || r.Len() != 0 {
		t.Fatalf("err %v, %d bytes left", r.Err(), r.Len())
	}
}

func TestHostileLengths(t *testing.T) {
	for name, tt := range map[string]struct {
		in   []byte
		read func(*Reader)
		want error
	}{
		"int cut short":          {[]byte{0, 0, 1}, func(r *Reader) { r.Int() }, ErrTruncated},
		"long cut short":         {make([]byte, 7), func(r *Reader) { r.Long() }, ErrTruncated},
		"no boolean":             {nil, func(r *Reader) { r.Bool() }, ErrTruncated},
		"huge buffer":            {AppendInt(nil, math.MaxInt32), func(r *Reader) { r.Buffer() }, ErrLength},
		"negative buffer":        {AppendInt(nil, -2), func(r *Reader) { r.Buffer() }, ErrLength},
		"huge string":            {AppendInt(nil, 1), func(r *Reader) { r.UString() }, ErrLength},
		"huge vector":            {AppendInt(nil, math.MaxInt32), func(r *Reader) { r.UStrings() }, ErrLength},
		"vector of too few":      {append(AppendInt(nil, 3), make([]byte, 11)...), func(r *Reader) { r.UStrings() }, ErrLength},
		"negative vector":        {AppendInt(nil, math.MinInt32), func(r *Reader) { r.Count(1) }, ErrLength},
		"string inside a vector": {append(AppendInt(nil, 1), 0, 0, 0, 9), func(r *Reader) { r.UStrings() }, ErrLength},
	} {
		r := NewReader(tt.in)
		tt.read(r)
		if !errors.Is(r.Err(), tt.want) {
			t.Errorf("%s: got %v, want %v", name, r.Err(), tt.want)
		}
		if r.Int() != 0 || r.UString() != "" || r.Buffer() != nil {
			t.Errorf("%s: values after an error must be zero", name)
		}
	}
}

func TestHostileLengthDoesNotAllocate(t *testing.T) {
	in := append(AppendInt(nil, math.MaxInt32), make([]byte, 64)...)
	for name, read := range map[string]func(*Reader){
		"buffer": func(r *Reader) { r.Buffer() }, "vector": func(r *Reader) { r.UStrings() },
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 1000 {
			read(NewReader(in))
		}
		runtime.ReadMemStats(&after)
		if each := (after.TotalAlloc - before.TotalAlloc) / 1000; each > 1024 {
			t.Errorf("%s: a claimed length of 2 GiB allocates %d bytes", name, each)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		buf := rapid.SliceOf(rapid.Byte()).Draw(t, "buffer")
		ss := rapid.SliceOf(rapid.String()).Draw(t, "strings")
		n, l := rapid.Int32().Draw(t, "int"), rapid.Int64().Draw(t, "long")
		r := NewReader(AppendLong(AppendInt(AppendUStrings(AppendBuffer(nil, buf), ss), n), l))
		if got := r.Buffer(); !bytes.Equal(got, buf) {
			t.Fatalf("buffer: got %x, want %x", got, buf)
		}
		if got := r.UStrings(); !slices.Equal(got, ss) {
			t.Fatalf("strings: got %q, want %q", got, ss)
		}
		if gotN, gotL := r.Int(), r.Long(); gotN != n || gotL != l || r.Err() != nil || r.Len() != 0 {
			t.Fatalf("got %d %d, %v, %d left", gotN, gotL, r.Err(), r.Len())
		}
	})
}

// FuzzReader reads a script of types from the first bytes of the input and those values from the rest.
func FuzzReader(f *testing.F) {
	f.Add([]byte{3, 4, 5}, AppendUStrings(AppendUString(AppendBuffer(nil, []byte("x")), "y"), []string{"z", ""}))
	f.Add([]byte{0, 1, 2, 6}, []byte{1, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 9, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{5}, AppendInt(nil, math.MaxInt32))
	f.Fuzz(func(t *testing.T, script, in []byte) {
		r := NewReader(in)
		total := 0
		for _, op := range script {
			switch op % 7 {
			case 0:
				r.Bool()
			case 1:
				r.Int()
			case 2:
				r.Long()
			case 3:
				total += len(r.Buffer())
			case 4:
				total += len(r.UString())
			case 5:
				for _, s := range r.UStrings() {
					total += len(s)
				}
			case 6:
				total += r.Count(2)
			}
		}
		if total > len(in) {
			t.Fatalf("%d bytes read from an input of %d", total, len(in))
		}
	})
}
