package forward

import (
	"fmt"
	"net/http"
)

// UI serves River's own pages under prefix, to look only: everything but GET and HEAD is refused with 405. It knows no
// login: whoever mounts it puts it behind his own. Its scripts, styles and fonts come from the same origin and its inline
// JSON is no script, so default-src 'self' is enough, with style-src 'self' 'unsafe-inline' for its charts and data: for
// images. It works from now until the stop.
func (f *Forwarder) UI(prefix string) (http.Handler, error) {
	handler, err := f.engine.pages(prefix, f.o.Log)
	if err != nil {
		return nil, fmt.Errorf("queue's pages: %w", err)
	}
	if err = handler.Start(f.life); err != nil {
		return nil, fmt.Errorf("queue's pages: %w", err)
	}
	return readOnly(handler), nil
}
