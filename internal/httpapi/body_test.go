package httpapi

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

func TestReadBody(t *testing.T) {
	t.Parallel()
	data := bytes.Repeat([]byte("0123456789abcdef"), 4096) // 64 KiB
	for _, limit := range []int64{1, 100, firstChunk - 1, firstChunk, firstChunk + 1, 60_000} {
		for _, size := range []int64{0, 1, limit - 1, limit} {
			for name, read := range map[string]func([]byte) io.Reader{
				"whole": func(b []byte) io.Reader { return bytes.NewReader(b) },
				"byte":  func(b []byte) io.Reader { return iotest.OneByteReader(bytes.NewReader(b)) },
				"eof":   func(b []byte) io.Reader { return iotest.DataErrReader(bytes.NewReader(b)) },
			} {
				for _, length := range []int64{size, -1} {
					got, err := readBody(read(data[:size]), length, limit)
					if err != nil || !bytes.Equal(got, data[:size]) {
						t.Errorf("%s, limit %d, size %d, announced %d: %d bytes, %v", name, limit, size, length, len(got), err)
					}
				}
			}
		}
		if _, err := readBody(bytes.NewReader(data), limit+1, limit); !errors.Is(err, errBodyTooLarge) {
			t.Errorf("announced %d over a limit of %d: %v", limit+1, limit, err)
		}
		got, err := readBody(bytes.NewReader(data[:limit+1]), -1, limit)
		if !errors.Is(err, errBodyTooLarge) || int64(len(got)) != limit+1 {
			t.Errorf("chunked %d over a limit of %d: %d bytes, %v", limit+1, limit, len(got), err)
		}
	}
}

func TestReadBodyHoldsNoMoreThanItRead(t *testing.T) {
	t.Parallel()
	body, err := readBody(bytes.NewReader(make([]byte, 3000)), 3000, 1<<20)
	if err != nil || cap(body) > 3072 {
		t.Errorf("a body of 3000 bytes is held in %d (%v)", cap(body), err)
	}
}

func TestAnnouncingALargeBodyCostsNothing(t *testing.T) {
	t.Parallel()
	body, err := readBody(iotest.ErrReader(errors.New("nothing comes")), 10<<20, 10<<20)
	if err == nil || cap(body) > announcedChunk {
		t.Errorf("%d bytes are held for a body of which nothing came (%v)", cap(body), err)
	}
	data := bytes.Repeat([]byte("0123456789abcdef"), 3*announcedChunk/16)
	for _, size := range []int{announcedChunk - 1, announcedChunk, announcedChunk + 1, 2*announcedChunk + 7, len(data)} {
		got, err := readBody(iotest.HalfReader(bytes.NewReader(data[:size])), int64(size), 10<<20)
		if err != nil || !bytes.Equal(got, data[:size]) || cap(got) != size {
			t.Errorf("%d bytes: got %d held in %d, %v", size, len(got), cap(got), err)
		}
		if _, err := readBody(bytes.NewReader(data[:size-1]), int64(size), 10<<20); readFailure(err) != refusedIncomplete {
			t.Errorf("%d bytes of %d: %v", size-1, size, err)
		}
	}
}

func TestReadBodyThatEndsEarlyIsAnError(t *testing.T) {
	t.Parallel()
	if _, err := readBody(bytes.NewReader(make([]byte, 10)), 11, 100); readFailure(err) != refusedIncomplete {
		t.Errorf("10 bytes of 11: %v", err)
	}
	if _, err := readBody(iotest.TimeoutReader(iotest.OneByteReader(bytes.NewReader(make([]byte, 10)))), -1, 100); err == nil {
		t.Error("an error while reading was lost")
	}
}
