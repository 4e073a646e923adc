package load

import (
	"bytes"
	"fmt"
)

// Target is where requests go.
type Target struct {
	Addr string // host:port
	Path string // with the source's token
}

// idLength is the length of the sender's ids.
const idLength = 17

// A run and a dispatch of the same number get different ids.
const (
	runSalt      = 0x52756e73
	dispatchSalt = 0x44697370
)

// request is one connection's request, sent over and over with other ids in the same places.
type request struct {
	bytes    []byte
	runs     []int // where run ids start
	dispatch int   // where the dispatch id starts
}

// newRequest builds the request with the sender's headers. All ids have one length, so nothing else ever changes.
func newRequest(target Target, body []byte) *request {
	const placeholder = "DDDDDDDDDDDDDDDDD"
	head := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\n"+
		"Accept: application/json, text/plain, */*\r\n"+
		"Content-Type: application/json\r\n"+
		"X-Apify-Webhook: yo\r\n"+
		"X-Apify-Webhook-Dispatch-Id: %s\r\n"+
		"X-Apify-Request-Origin: WEBHOOK\r\n"+
		"User-Agent: axios/1.7.9\r\n"+
		"Content-Length: %d\r\n\r\n", target.Path, target.Addr, placeholder, len(body))
	r := &request{bytes: append(head, body...), dispatch: bytes.Index(head, []byte(placeholder))}
	for at := len(head); ; at += idLength {
		next := bytes.Index(r.bytes[at:], []byte(sampleRunID))
		if next < 0 {
			return r
		}
		at += next
		r.runs = append(r.runs, at)
	}
}

// tell makes the request tell event number n. The same number always gives the same bytes: sent again, it is a retry.
func (r *request) tell(n uint64) {
	putID(r.bytes[r.dispatch:], n, dispatchSalt)
	if len(r.runs) == 0 {
		return
	}
	first := r.bytes[r.runs[0]:]
	putID(first, n, runSalt)
	for _, at := range r.runs[1:] {
		copy(r.bytes[at:], first[:idLength])
	}
}

// putID writes the id of number n. Ids look random, as the sender's do, so that they hit a database's index all over, and
// are different for different numbers: mix is a bijection and eleven digits hold all its values.
func putID(dst []byte, n, salt uint64) {
	const (
		digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		whole  = 11 // 62¹¹ > 2⁶⁴
	)
	x := mix(n ^ salt<<32)
	rest := mix(x)
	for i := range whole {
		dst[i] = digits[x%62]
		x /= 62
	}
	for i := whole; i < idLength; i++ {
		dst[i] = digits[rest%62]
		rest /= 62
	}
}

// mix is the finalizer of SplitMix64: it maps 64-bit numbers one to one to others that look random.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Pick chooses the event that the i-th request of a run tells.
type Pick func(i uint64) uint64

// From tells a new event with every request, starting at number first.
func From(first uint64) Pick { return func(i uint64) uint64 { return first + i } }

// Among tells events first to first+n-1 again and again, in an order that looks random.
func Among(first, n uint64) Pick { return func(i uint64) uint64 { return first + mix(i)%n } }
