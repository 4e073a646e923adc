package app

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/dedupgate/dedupgate/internal/signature"
	"github.com/dedupgate/dedupgate/internal/source"
)

// decoy imitates one source for names that are not configured.
type decoy struct {
	guard *signature.Guard
	seed  [16]byte
}

// longestName is more than a source's name can have. What is behind it in a stranger's name costs no work.
const longestName = 38 // with the seed it is one block of SHA-256

func newDecoy(s *source.Source) decoy {
	d := decoy{guard: s.Guard.Decoy()}
	credentials := s.Guard.Fingerprint()
	sum := sha256.Sum256(append(credentials[:], s.Name...))
	copy(d.seed[:], sum[:])
	return d
}

// imitated is the decoy for a name. Each decoy draws a number for it, and the highest one is taken. The numbers come from the
// configuration alone, so that all gateways choose alike, before a restart and after it: else what changes its ways would
// be no source. A source that is added, or gets other credentials, moves those names only that imitate it or did so before. The
// seeds are made of secrets, so that nobody outside can foresee the choice.
func imitated(decoys []decoy, name string) *signature.Guard {
	if len(decoys) == 1 {
		return decoys[0].guard
	}
	var (
		text  [len(decoy{}.seed) + longestName]byte
		found *signature.Guard
		most  uint64
	)
	name = name[:min(len(name), longestName)]
	for i := range decoys {
		sum := sha256.Sum256(append(append(text[:0], decoys[i].seed[:]...), name...))
		if drawn := binary.BigEndian.Uint64(sum[:]); found == nil || drawn > most {
			found, most = decoys[i].guard, drawn
		}
	}
	return found
}
