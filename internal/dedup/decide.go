package dedup

// Decide is the whole decision, free of I/O: what the claimer said (in e) and what the ledger found give the verdict.
// Ledgers call it inside their transaction, so that the receipt row and the answer can't differ.
func Decide(e *Entry, f Found) Verdict {
	switch {
	case e.Quarantine != nil:
		return Verdict{Outcome: OutcomeQuarantined, Reason: e.Quarantine.Reason, Degraded: e.Claim.Degraded}
	case e.Known:
		return knownVerdict(e)
	case f.Inserted:
		return Verdict{
			Outcome: firstOutcome(e.Test, f.Change), Reason: ReasonFirstSeen,
			EventID: f.EventID, FirstTag: f.FirstTag, Seq: f.Seq, Degraded: e.Claim.Degraded, InDoubt: f.InDoubt,
		}
	}
	reason := ReasonLedgerHit
	if e.Claim.State == ClaimPending {
		reason = ReasonRaceLost
	}
	return Verdict{
		Outcome: OutcomeDuplicate, Reason: reason, Repeat: repeatKind(f.FirstTag, e.DispatchID),
		EventID: f.EventID, FirstTag: f.FirstTag, Degraded: e.Claim.Degraded, InDoubt: f.InDoubt,
	}
}

// knownVerdict needs no database: the mark says which event it was and who told it first.
func knownVerdict(e *Entry) Verdict {
	m := e.Claim.Mark
	return Verdict{
		Outcome: OutcomeDuplicate, Reason: ReasonWindowHit, Repeat: repeatKind(m.Tag, e.DispatchID),
		EventID: m.EventID, FirstTag: m.Tag, Degraded: e.Claim.Degraded,
	}
}

func firstOutcome(test bool, c RunChange) Outcome {
	switch {
	case test:
		return OutcomeTest
	case c == RunAdvanced:
		return OutcomeUpdated
	case c == RunBehind:
		return OutcomeLate
	default:
		return OutcomeNew
	}
}
