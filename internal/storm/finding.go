package storm

import "fmt"

// Kind names what is wrong.
type Kind string

// The kinds of findings.
const (
	// KindLost: an event that was answered 2xx is not in the gateway's books, or only another event is.
	KindLost Kind = "lost"
	// KindDoubled: more than one delivery of an event was answered as first, or the books have it twice.
	KindDoubled Kind = "doubled"
	// KindNoFirst: every delivery of an event was answered, and none of them as first.
	KindNoFirst Kind = "no_first"
	// KindRegressed: a run shows another status than its highest event's, or went back while somebody looked.
	KindRegressed Kind = "regressed"
	// KindReceipts: a 2xx without its receipt, a receipt that says something else than the answer, or sums that differ.
	KindReceipts Kind = "receipts"
	// KindAltered: a stored body is not what was sent.
	KindAltered Kind = "altered"
	// KindQuarantined: a well-formed event was put into quarantine.
	KindQuarantined Kind = "quarantined"
	// KindAnswer: an answer contradicts itself or speaks of something else.
	KindAnswer Kind = "answer"
	// KindUndelivered: a dispatch was not answered 2xx as long as Apify would try, or as the storm had time.
	KindUndelivered Kind = "undelivered"
	// KindNotHanded: an event never arrived at the sink.
	KindNotHanded Kind = "not_handed_on"
	// KindUnsigned: a request arrived at the sink without a good signature.
	KindUnsigned Kind = "unsigned"
	// KindHandedAgain: an event arrived at the sink more than once although the gateway was never gone.
	KindHandedAgain Kind = "handed_on_again"
)

// Kinds lists all kinds, the gravest first.
func Kinds() []Kind {
	return []Kind{
		KindLost, KindDoubled, KindNoFirst, KindRegressed, KindReceipts, KindAltered, KindQuarantined, KindAnswer, KindUndelivered,
		KindNotHanded, KindUnsigned, KindHandedAgain,
	}
}

// Finding is one thing that is wrong.
type Finding struct {
	Kind      Kind   `json:"kind"`
	RunID     string `json:"run_id,omitempty"`
	EventType string `json:"event_type,omitempty"`
	Life      int    `json:"life,omitempty"`
	Detail    string `json:"detail"` // text of the gateway's is quoted in it: safe for a terminal
}

// String is one line.
func (f Finding) String() string {
	where := ""
	if f.RunID != "" {
		where = "run " + f.RunID + " "
	}
	if f.EventType != "" {
		where += f.EventType + " "
		if f.Life > 0 {
			where += fmt.Sprintf("(life %d) ", f.Life)
		}
	}
	return fmt.Sprintf("%s: %s%s", f.Kind, where, f.Detail)
}

// MaxListed is how many findings of a kind are kept; all are counted.
const MaxListed = 20

// FindingGroup is all findings of a kind.
type FindingGroup struct {
	Kind  Kind      `json:"kind"`
	Count int       `json:"count"`
	First []Finding `json:"first"`
}

// findings collects. The zero value is empty; not safe for concurrent use.
type findings struct{ groups map[Kind]*FindingGroup }

func (f *findings) add(x Finding) {
	if f.groups == nil {
		f.groups = map[Kind]*FindingGroup{}
	}
	g := f.groups[x.Kind]
	if g == nil {
		g = &FindingGroup{Kind: x.Kind}
		f.groups[x.Kind] = g
	}
	g.Count++
	if len(g.First) < MaxListed {
		g.First = append(g.First, x)
	}
}

// list gives the groups, the gravest first.
func (f *findings) list() []FindingGroup {
	var all []FindingGroup
	for _, k := range Kinds() {
		if g := f.groups[k]; g != nil {
			all = append(all, *g)
		}
	}
	return all
}

// finding says what is wrong with an event of the run; e < 0 is the run itself.
func (p *played) finding(kind Kind, e int, detail string) Finding {
	f := Finding{Kind: kind, RunID: p.runID, Detail: detail}
	if e >= 0 {
		f.EventType, f.Life = p.events[e].eventType, p.events[e].life
	}
	return f
}
