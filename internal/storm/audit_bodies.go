package storm

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/view"
)

// checkBodies compares a sample of stored bodies, taken evenly from the whole storm, with what was sent.
func (a *audit) checkBodies(ctx context.Context) error {
	if a.BodySample <= 0 {
		return nil
	}
	compared := map[dedup.ID]bool{}
	step := max(1, len(a.books.receipts)/a.BodySample)
	for i := 0; i < len(a.books.receipts) && len(compared) < a.BodySample; i += step {
		n := &a.books.receipts[i]
		row, there := a.rows[n.event]
		w := slices.Index(n.run.events[n.at].dispatches, row.DispatchID)
		if !there || w < 0 || compared[n.event] {
			continue // done, or its loss said already
		}
		compared[n.event] = true
		stored, err := ask(ctx, a, func() ([]byte, error) { return a.API.EventBody(ctx, row.ID) })
		if errors.Is(err, view.ErrNotFound) {
			a.found(KindAltered, place{n.run, n.at}, "the body of event %s is not there", row.ID)
			continue
		}
		if err != nil {
			return err
		}
		a.report.Bodies++
		if sent := n.run.body(n.at, w, a.BodySize); !bytes.Equal(stored, sent) {
			a.found(KindAltered, place{n.run, n.at}, "the body of event %s differs from byte %d on (%d bytes stored, %d sent)",
				row.ID, firstDifference(stored, sent), len(stored), len(sent))
		}
	}
	return nil
}

func firstDifference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}
