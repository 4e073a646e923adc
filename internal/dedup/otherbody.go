package dedup

import "time"

// OtherBody is what a repeat of an event told, to be kept beside the event's own body should the two differ. It decides
// nothing.
type OtherBody struct {
	EventID     ID
	ReceiptID   ID        // of the repeat
	ReceivedAt  time.Time // UTC, milliseconds
	DispatchID  string    // "" when the sender gave none
	ContentType string
	Body        []byte // as received, byte for byte; never changed
}
