package redisfront_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/redisfront"
)

func TestClaimKeys(t *testing.T) {
	t.Parallel()
	apify := dedup.Compose("r", "ojue2pKvaKRjkewuJ", "1789373061640", "S")
	if got, want := redisfront.ClaimKey(dedup.Key{Source: "apify", Event: apify}), "dg:apify:r:ojue2pKvaKRjkewuJ:1789373061640:S"; got != want {
		t.Errorf("key %q, want %q", got, want)
	}
	for _, size := range []int{191, 192, 100_000} { // with "dg:apify:" 200 bytes, 201, many
		event := strings.Repeat("e", size)
		key := redisfront.ClaimKey(dedup.Key{Source: "apify", Event: event})
		if short := size <= 191; short != (key == "dg:apify:"+event) {
			t.Errorf("event of %d bytes: key %q", size, key)
		}
		if len(key) > 200 {
			t.Errorf("event of %d bytes: key of %d", size, len(key))
		}
	}
	long := redisfront.ClaimKey(dedup.Key{Source: "apify", Event: strings.Repeat("e", 300)})
	if !strings.HasPrefix(long, "dg:apify:#") || len(long) != len("dg:apify:#")+64 {
		t.Errorf("long key is %q", long)
	}
}

func TestValueSizes(t *testing.T) {
	t.Parallel()
	id := dedup.NewID(time.Now())
	if n := len(redisfront.AppendPending(nil, id)); n != 17 {
		t.Errorf("a pending value has %d bytes, want 17", n)
	}
	mark := dedup.Mark{EventID: id, Tag: dedup.DispatchTag(strings.Repeat("d", 100))}
	if n := len(redisfront.AppendMark(nil, &mark)); n > 44 {
		t.Errorf("a mark has %d bytes, more than the 44 that Redis keeps in one piece", n)
	}
}

// What a sender's traffic can't have written is never a mark; what can is read back to the byte.
func FuzzParseValue(f *testing.F) {
	token := dedup.NewID(time.Now())
	mark := newMark()
	f.Add("")
	f.Add("P")
	f.Add("C" + strings.Repeat("\x00", 43))
	f.Add(string(redisfront.AppendPending(nil, token)))
	f.Add(string(redisfront.AppendMark(nil, &mark)))
	f.Add(string(redisfront.AppendMark(nil, &mark)) + "tail")
	f.Fuzz(func(t *testing.T, value string) {
		reply := redisfront.ParseValue(value, token)
		switch reply.State {
		case dedup.ClaimUnknown:
			if !reply.Degraded || reply.Mark != (dedup.Mark{}) {
				t.Errorf("nonsense gave %+v", reply)
			}
		case dedup.ClaimFirst:
			if value != string(redisfront.AppendPending(nil, token)) {
				t.Errorf("%q was taken for the own token", value)
			}
		case dedup.ClaimPending:
			if len(value) != 17 || value[0] != 'P' {
				t.Errorf("%q was taken for a token", value)
			}
		case dedup.ClaimSettled:
			if back := string(redisfront.AppendMark(nil, &reply.Mark)); back != value {
				t.Errorf("%q was read as %+v, which is written %q", value, reply.Mark, back)
			}
			if reply.Mark.Incarnation.IsZero() || reply.Mark.EventID.IsZero() {
				t.Errorf("%q was taken for a mark of nothing", value)
			}
		}
		if reply.State != dedup.ClaimUnknown && reply.Degraded {
			t.Errorf("%q gave a degraded answer in state %d", value, reply.State)
		}
	})
}

func TestHitSize(t *testing.T) {
	t.Parallel()
	h := newHit("apify")
	if n := len(redisfront.AppendHit(nil, &h)); n > 100 {
		t.Errorf("a hit of Apify's has %d bytes", n)
	}
}

func FuzzParseHit(f *testing.F) {
	hit := newHit("apify")
	f.Add(string(redisfront.AppendHit(nil, &hit)))
	f.Add(string(redisfront.AppendHit(nil, &dedup.Hit{})))
	f.Add("")
	f.Add("\x01\x03" + strings.Repeat("\xff", 60))
	f.Fuzz(func(t *testing.T, entry string) {
		h, err := redisfront.ParseHit("apify", entry)
		if err != nil {
			if h != (dedup.Hit{}) {
				t.Errorf("an error and %+v", h)
			}
			return
		}
		// Numbers can be written in more than one way, so compare what is read.
		again, err := redisfront.ParseHit("apify", string(redisfront.AppendHit(nil, &h)))
		if err != nil || again != h {
			t.Errorf("%+v came back as %+v, %v", h, again, err)
		}
	})
}

// FuzzHit checks that any hit comes back whole.
func FuzzHit(f *testing.F) {
	f.Add([]byte("0123456789abcdef"), int64(1789373061640123), "ACTOR.RUN.SUCCEEDED", "d", "192.0.2.1", byte(2))
	f.Add([]byte{}, int64(-1), "", "\xff\x00", "", byte(0))
	f.Fuzz(func(t *testing.T, id []byte, micros int64, kind, dispatch, remote string, repeat byte) {
		repeats := append(dedup.Repeats(), dedup.RepeatNone)
		want := dedup.Hit{
			Source: "apify", Type: kind, DispatchID: dispatch, RemoteIP: remote, Repeat: repeats[int(repeat)%len(repeats)],
			ReceivedAt: time.UnixMicro(micros % (1 << 55)).UTC(), // a thousand years either way
		}
		copy(want.ReceiptID[:], id)
		copy(want.EventID[:], bytes.Repeat(id, 2))
		got, err := redisfront.ParseHit("apify", string(redisfront.AppendHit(nil, &want)))
		if err != nil || got != want {
			t.Errorf("%+v came back as %+v, %v", want, got, err)
		}
	})
}
