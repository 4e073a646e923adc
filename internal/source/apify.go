package source

import (
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// The headers of Apify that are believed. Apify sends them whatever the webhook's headers template says; others that start
// alike are the user's own and may hold a secret.
const (
	headerApify      = "X-Apify-Webhook"
	headerDispatchID = "X-Apify-Webhook-Dispatch-Id"
	headerOrigin     = "X-Apify-Request-Origin"
)

// What is read from an Apify body.
const (
	slotType = iota
	slotCreatedAt
	slotRunID
	slotActorRunID
	slotRunIDSnake
	slotBuildID
	slotEventActorID
	slotEventTaskID
	slotEventRunID
	slotEventBuildID
	slotResourceID
	slotResourceActorID
	slotResourceTaskID
	slotFinishedAt
	slotResurrections
	apifySlots
)

// apifyFields are the places of the default template first, then those that custom templates use.
func apifyFields() []field {
	return []field{
		{name: "eventType", slot: slotType},
		{name: "createdAt", slot: slotCreatedAt},
		{name: "eventData", slot: noSlot, inner: []field{
			{name: "actorId", slot: slotEventActorID},
			{name: "actorTaskId", slot: slotEventTaskID},
			{name: "actorRunId", slot: slotEventRunID},
			{name: "actorBuildId", slot: slotEventBuildID},
		}},
		{name: "resource", slot: noSlot, inner: []field{
			{name: "id", slot: slotResourceID},
			{name: "actId", slot: slotResourceActorID},
			{name: "actorTaskId", slot: slotResourceTaskID},
			{name: "finishedAt", slot: slotFinishedAt},
			{name: "stats", slot: noSlot, inner: []field{{name: "resurrectCount", slot: slotResurrections}}},
		}},
		{name: "runId", slot: slotRunID},
		{name: "actorRunId", slot: slotActorRunID},
		{name: "run_id", slot: slotRunIDSnake},
		{name: "buildId", slot: slotBuildID},
	}
}

// facts are the scalars of an Apify body.
type facts [apifySlots]scalar

// id is the first usable id among the places.
func (f *facts) id(slots ...int) string {
	for _, slot := range slots {
		if id := usableID(f[slot].text()); id != "" {
			return id
		}
	}
	return ""
}

// run finds the run or build that the body speaks of; kind is what its type says, KindNone when the type says nothing.
// resource.id may be either: without a word from the type it is a build's only if nothing else names a run.
func (f *facts) run(kind dedup.Kind) dedup.RunRef {
	if kind == dedup.KindNone {
		kind = dedup.KindRun
		if f.id(slotEventRunID, slotRunID, slotActorRunID, slotRunIDSnake) == "" && f.id(slotEventBuildID, slotBuildID) != "" {
			kind = dedup.KindBuild
		}
	}
	var id string
	if kind == dedup.KindBuild {
		id = f.id(slotEventBuildID, slotResourceID, slotBuildID)
	} else {
		id = f.id(slotEventRunID, slotResourceID, slotRunID, slotActorRunID, slotRunIDSnake)
	}
	if id == "" {
		return dedup.RunRef{}
	}
	return dedup.RunRef{Kind: kind, ID: id}
}

// uninterpolated reports whether a place that should hold an id holds a template variable instead.
func (f *facts) uninterpolated() bool {
	for slot := slotRunID; slot <= slotResourceID; slot++ {
		if isTemplate(f[slot].text()) {
			return true
		}
	}
	return false
}

const eventTypeTest = "TEST"

func (s *Source) identifyApify(in *dedup.Inbound) {
	var f facts
	if problem := s.read(in.Body, f[:]); problem != "" {
		in.Quarantine = &dedup.Quarantine{Reason: dedup.ReasonNotJSON, Message: problem}
		return
	}
	in.Type = usableType(f[slotType].text())
	in.Test = in.Type == eventTypeTest
	in.ActorID = f.id(slotEventActorID, slotResourceActorID)
	in.TaskID = f.id(slotEventTaskID, slotResourceTaskID)
	c := class{}
	if in.Type != "" && !in.Test {
		c = classify(in.Type)
	}
	in.Run = f.run(c.kind)
	s.place(in, &f, c)
	in.Key.Event, in.Quarantine = s.apifyKey(in, &f, c)
}

// place sets when the event happened and, for a known type with a run, where it stands among the run's events.
func (s *Source) place(in *dedup.Inbound, f *facts, c class) {
	at := parseMoment(f[slotCreatedAt])
	if c.status.IsEnd() {
		if finished := parseMoment(f[slotFinishedAt]); finished.known {
			at = finished
		}
	}
	if at.known {
		in.OccurredAt = time.UnixMilli(at.millis()).UTC()
	}
	if c.status != "" && in.Run.ID != "" {
		in.Status, in.Version = c.status, c.version(in.Type, at, f[slotResurrections])
	}
}
