package testkit

import (
	"bytes"
	"encoding/json"
	"sync"

	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
)

const cutAfterName = "cut_after"

const noCancelsName = "no_cancels"

// registerFaults tells toxiproxy of our own faults. Its registry is a global of that package.
var registerFaults = sync.OnceFunc(func() {
	toxics.Register(cutAfterName, new(cutAfter))
	toxics.Register(noCancelsName, new(noCancels))
})

// cutAfter closes the first connection whose client says text, after passing that on. One value serves all connections of
// a proxy; toxiproxy makes it from JSON.
type cutAfter struct {
	text []byte
	once sync.Once
	done chan struct{}
}

// UnmarshalJSON reads the attributes and makes the fault ready.
func (c *cutAfter) UnmarshalJSON(attributes []byte) error {
	var read struct {
		Text string `json:"text"`
	}
	err := json.Unmarshal(attributes, &read)
	c.text, c.done = []byte(read.Text), make(chan struct{})
	return err
}

// Pipe passes one connection's requests on until it is interrupted, closed or cut.
func (c *cutAfter) Pipe(stub *toxics.ToxicStub) {
	for {
		select {
		case <-stub.Interrupt:
			return
		case chunk := <-stub.Input:
			if chunk == nil {
				stub.Close()
				return
			}
			stub.Output <- chunk
			if c.isIt(chunk) {
				stub.Close()
				for range stub.Input { // what the client still says goes nowhere
				}
				return
			}
		}
	}
}

func (c *cutAfter) isIt(chunk *stream.StreamChunk) bool {
	if !bytes.Contains(chunk.Data, c.text) {
		return false
	}
	first := false
	c.once.Do(func() {
		first = true
		close(c.done)
	})
	return first
}

// noCancels closes connections that ask PostgreSQL to cancel what another one does, without passing that on.
type noCancels struct{}

// Pipe passes one connection's requests on until it is interrupted or closed.
func (*noCancels) Pipe(stub *toxics.ToxicStub) {
	// The message has a length of 16 and this code in place of a version: https://www.postgresql.org/docs/current/protocol-message-formats.html
	cancel := []byte{0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e}
	for {
		select {
		case <-stub.Interrupt:
			return
		case chunk := <-stub.Input:
			if chunk == nil || bytes.HasPrefix(chunk.Data, cancel) {
				stub.Close()
				return
			}
			stub.Output <- chunk
		}
	}
}
