package source

import "github.com/dedupgate/dedupgate/internal/dedup"

// The tags of event keys: what the parts that follow are.
const (
	tagRun      = "r" // run id, generation, type
	tagBuild    = "b" // build id, generation, type
	tagDispatch = "d" // dispatch id
	tagTest     = "t" // dispatch id of a TEST
	tagGeneric  = "g" // the values of the source's places
	tagHash     = "h" // SHA-256 of the body
)

// dispatchMark starts a dispatch id that stands where a generation would: generations start with a digit or a minus.
const dispatchMark = "~"

// apifyKey composes the event's key, or says why there is none. It sets in.Generation.
func (s *Source) apifyKey(in *dedup.Inbound, f *facts, c class) (string, *dedup.Quarantine) {
	switch {
	case in.Test:
		return byDispatch(tagTest, in, lackForTest())
	case in.Run.ID == "":
		return byDispatch(tagDispatch, in, lackForRun(f))
	}
	gen, known := c.generationOf(parseMoment(f[slotFinishedAt]), f[slotResurrections])
	switch {
	case known:
		in.Generation = gen.text
	case s.WithoutGeneration == Single && in.Type != "":
		gen = generation{}
	case in.DispatchID != "":
		gen = generation{part: dispatchMark + in.DispatchID}
	default:
		return "", lackForGeneration(in.Type, c).quarantine()
	}
	return runKey(in, gen, c), nil
}

func byDispatch(tag string, in *dedup.Inbound, l lack) (string, *dedup.Quarantine) {
	if in.DispatchID == "" {
		return "", l.quarantine()
	}
	return dedup.Compose(tag, in.DispatchID), nil
}

func runKey(in *dedup.Inbound, gen generation, c class) string {
	tag := tagRun
	if in.Run.Kind == dedup.KindBuild {
		tag = tagBuild
	}
	switch {
	case c.status != "":
		return dedup.Compose(tag, in.Run.ID, gen.part, c.code())
	case in.Type == "":
		return dedup.Compose(tag, in.Run.ID, gen.part, "")
	default: // a part more than the others, so that no name of a type can pass for a code
		return dedup.Compose(tag, in.Run.ID, gen.part, "", in.Type)
	}
}
