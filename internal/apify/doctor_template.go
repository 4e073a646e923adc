package apify

import (
	"bytes"
	"slices"
	"strings"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// template tries a webhook's payload with an event of each type that it tells.
func (x *examination) template(w *Webhook, target *Target) {
	body, err := Render(w.PayloadTemplate, w.Interpolates, sampleVariables("ACTOR.RUN.SUCCEEDED", tellings()[0]))
	switch {
	case err != nil:
		x.addf(w, LevelError, "payload_template", "has a payload template that gives no JSON, so each request goes to quarantine; correct it")
		return
	case bytes.Contains(body, []byte("{{")):
		x.addf(w, LevelError, "uninterpolated", "sends {{…}} as it stands: the payload template has variables in quotes, and its strings are not "+
			"interpolated; take the quotes away, or turn string interpolation on")
		return
	}
	lacks := map[string][]string{}
	for _, eventType := range w.EventTypes {
		in, err := sampleInbound(w, target.Source, eventType, tellings()[0])
		if what := lacking(&in, eventType); err == nil && what != "" {
			lacks[what] = append(lacks[what], eventType)
		}
	}
	for _, what := range []string{lackType, lackRun, lackGeneration} {
		if types := lacks[what]; len(types) > 0 {
			x.addf(w, LevelWarning, "identity", "has a payload template that drops %s (%s): retries are still recognised by their dispatch id, "+
				"the same event told by a second webhook is not; keep the field in the template", what, strings.Join(types, ", "))
		}
	}
}

// What a template may drop.
const (
	lackType       = "eventType"
	lackRun        = "the id of the run or build (eventData or resource.id)"
	lackGeneration = "what tells one life of a run from the next (resource.finishedAt, resource.stats.resurrectCount)"
)

// lacking is what the identity of an event lacks, "" for nothing.
func lacking(in *dedup.Inbound, eventType string) string {
	switch {
	case in.Type == "":
		return lackType
	case in.Run.ID == "":
		return lackRun
	case in.Generation == "" && !strings.HasSuffix(eventType, ".CREATED"):
		return lackGeneration
	default:
		return ""
	}
}

// twins finds pairs of webhooks that tell the same events.
func (x *examination) twins() {
	for i, a := range x.live {
		for _, b := range x.live[i+1:] {
			common := intersect(a.EventTypes, b.EventTypes)
			if len(common) > 0 && x.overlap(a.Condition, b.Condition) {
				x.twin(a, b, common)
			}
		}
	}
}

func (x *examination) twin(a, b *Webhook, common []string) {
	one, other := x.g.Target(a.RequestURL), x.g.Target(b.RequestURL)
	types := strings.Join(common, ", ")
	switch {
	case one != other:
		x.addf(a, LevelWarning, "twins", "and webhook %s tell the same events (%s) to the sources %s and %s: each source lets them through once, "+
			"so they come twice; delete one of the two if that is not meant", b.ID, types, one.Source.Name, other.Source.Name)
	case slices.ContainsFunc(common, func(t string) bool { return !sameKey(a, b, one, t) }):
		x.addf(a, LevelError, "twins", "and webhook %s tell the same events (%s) with payloads that can't be recognised as the same: each event is let "+
			"through twice; delete one of the two, or give both the default payload template", b.ID, types)
	default:
		x.addf(a, LevelWarning, "twins", "and webhook %s tell the same events (%s): the second telling is recognised and dropped; "+
			"delete one of the two to halve the requests", b.ID, types)
	}
}

// sameKey reports whether an event told by both webhooks has one key.
func sameKey(a, b *Webhook, target *Target, eventType string) bool {
	told := tellings()
	one, err := sampleInbound(a, target.Source, eventType, told[0])
	other, err2 := sampleInbound(b, target.Source, eventType, told[1])
	return err == nil && err2 == nil && one.Quarantine == nil && one.Key == other.Key
}

// overlap reports whether two conditions can hold for one run. A task's runs are its Actor's runs, too.
func (x *examination) overlap(a, b Condition) bool {
	if a == b {
		return true
	}
	covers := func(wide, narrow Condition) bool {
		return wide.TaskID == "" && wide.RunID == "" && narrow.TaskID != "" && wide.ActorID != "" && wide.ActorID == x.actors[narrow.TaskID]
	}
	return a == (Condition{}) || b == (Condition{}) || covers(a, b) || covers(b, a)
}

func intersect(a, b []string) []string {
	var common []string
	for _, s := range a {
		if slices.Contains(b, s) && !slices.Contains(common, s) {
			common = append(common, s)
		}
	}
	return common
}
