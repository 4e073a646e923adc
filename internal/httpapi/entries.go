package httpapi

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/view"
)

// IDParam is the id in the path. (Exported because huma reads exported fields only.)
type IDParam struct {
	ID string `path:"id" maxLength:"64" example:"0199c3a2-7c1e-7b60-9c1d-3f1c0a5b7d10"`
}

func (p IDParam) id() (string, error) { return parseID("path.id", p.ID) }

type idInput struct{ IDParam }

type eventOutput struct{ Body view.Event }

func (a *admin) event(ctx context.Context, in *idInput) (*eventOutput, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	e, err := a.Reader.Event(ctx, id)
	return &eventOutput{e}, err
}

type quarantineInput struct {
	PageParams
	TimeParams
	Source   string `query:"source" maxLength:"32"`
	Reason   string `query:"reason" enum:"not_json,no_identity,too_large,rejected_by_database,unverified"`
	Replayed string `query:"replayed" enum:"true,false" doc:"Only those that were, or were not, replayed."`
}

func (a *admin) quarantine(ctx context.Context, in *quarantineInput) (*pageOf[view.Quarantined], error) {
	span, err := in.window(time.Now())
	if err != nil {
		return nil, err
	}
	q := view.QuarantineQuery{Range: span, Paging: in.paging(), Source: in.Source, Reason: in.Reason}
	if in.Replayed != "" {
		replayed := in.Replayed == "true"
		q.Replayed = &replayed
	}
	return paged(a.Reader.Quarantine(ctx, q))
}

type quarantinedOutput struct{ Body view.Quarantined }

func (a *admin) quarantined(ctx context.Context, in *idInput) (*quarantinedOutput, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	q, err := a.Reader.Quarantined(ctx, id)
	return &quarantinedOutput{q}, err
}

// bodyOutput hands out a stored body as a file: whatever a sender wrote, no browser shows or runs it.
type bodyOutput struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Policy      string `header:"Content-Security-Policy"`
	SentAs      string `header:"X-Sent-Content-Type" doc:"The Content-Type that the sender gave."`
	Body        []byte
}

func attached(id string, b view.Body) *bodyOutput {
	return &bodyOutput{
		ContentType: "application/octet-stream",
		Disposition: `attachment; filename="` + id + `.bin"`,
		Policy:      "default-src 'none'; frame-ancestors 'none'; sandbox",
		SentAs:      headerSafe(clip(b.ContentType, maxLoggedID)),
		Body:        b.Bytes,
	}
}

// headerSafe drops what has no place in a header's value.
func headerSafe(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
}

func (a *admin) eventBody(ctx context.Context, in *idInput) (*bodyOutput, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	b, err := a.Reader.EventBody(ctx, id)
	return attached(id, b), err
}

type otherBodiesOutput struct {
	Body struct {
		Items []view.OtherBody `json:"items" nullable:"false"`
	}
}

func (a *admin) otherBodies(ctx context.Context, in *idInput) (*otherBodiesOutput, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	out := &otherBodiesOutput{}
	out.Body.Items, err = a.Reader.OtherBodies(ctx, id)
	if out.Body.Items == nil {
		out.Body.Items = []view.OtherBody{}
	}
	return out, err
}

type otherBodyInput struct {
	IDParam
	ReceiptID string `path:"receipt_id" maxLength:"64" doc:"Of the repeat."`
}

func (a *admin) otherBody(ctx context.Context, in *otherBodyInput) (*bodyOutput, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	receipt, err := parseID("path.receipt_id", in.ReceiptID)
	if err != nil {
		return nil, err
	}
	b, err := a.Reader.OtherBody(ctx, id, receipt)
	return attached(receipt, b), err
}

func (a *admin) quarantinedBody(ctx context.Context, in *idInput) (*bodyOutput, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	b, err := a.Reader.QuarantineBody(ctx, id)
	return attached(id, b), err
}

type replayInput struct {
	IDParam
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"500" pattern:"\\S" patternDescription:"some text" doc:"Why; kept in the audit."`
	}
}

// ReplayAnswer says what became of a replayed request. (Exported because its name is the schema's.)
type ReplayAnswer struct {
	Outcome      string `json:"outcome" enum:"new,updated,late,duplicate,test,quarantined"`
	Reason       string `json:"reason"`
	Repeat       string `json:"repeat,omitempty" enum:"retry,twin,unknown,"`
	EventID      string `json:"event_id,omitempty"`
	QuarantineID string `json:"quarantine_id,omitempty" doc:"Set when it still can't be read."`
}

type replayOutput struct{ Body ReplayAnswer }

// replay is not cut short when the operator hangs up: once begun, it is decided and audited.
func (a *admin) replay(ctx context.Context, in *replayInput) (*replayOutput, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	actor, _ := ctx.Value(actorKey{}).(string)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), adminTimeout)
	defer cancel()
	v, err := a.Replayer.ReplayQuarantined(ctx, id, actor, strings.TrimSpace(in.Body.Reason))
	if err != nil {
		return nil, err
	}
	a.Log.LogAttrs(ctx, slog.LevelInfo, "quarantined request replayed",
		slog.String("quarantine_id", id), slog.String("actor", actor),
		slog.String("outcome", string(v.Outcome)), slog.String("reason", string(v.Reason)))
	return &replayOutput{ReplayAnswer{
		Outcome: string(v.Outcome), Reason: string(v.Reason), Repeat: string(v.Repeat),
		EventID: idText(v.EventID), QuarantineID: idText(v.QuarantineID),
	}}, nil
}

// idText is an id's canonical form, "" for none.
func idText(id dedup.ID) string {
	if id.IsZero() {
		return ""
	}
	return id.String()
}
