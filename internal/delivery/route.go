package delivery

// Route is where an event goes.
type Route struct {
	Destination string
	// Hold stores the delivery as held: it waits for a release.
	Hold bool
}
