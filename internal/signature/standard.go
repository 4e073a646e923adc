package signature

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// The headers of Standard Webhooks, in canonical form.
const (
	standardID        = "Webhook-Id"
	standardTimestamp = "Webhook-Timestamp"
	standardSignature = "Webhook-Signature"
)

type standardScheme struct {
	secrets   [][]byte
	webhooks  []*standardwebhooks.Webhook
	tolerance time.Duration
}

// NewStandard verifies signatures of the Standard Webhooks specification, symmetric ones (v1). Secrets are written as
// whsec_ and base64. A tolerance of 0 takes any time. The error holds no secret.
func NewStandard(secrets []string, tolerance time.Duration) (Scheme, error) {
	if err := validateSecrets(secrets); err != nil {
		return nil, err
	}
	keys := make([][]byte, len(secrets))
	for i, secret := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil || len(key) == 0 {
			return nil, errors.New("secrets: a secret of Standard Webhooks is whsec_ and base64")
		}
		keys[i] = key
	}
	return newStandard(keys, tolerance), nil
}

func newStandard(keys [][]byte, tolerance time.Duration) *standardScheme {
	s := &standardScheme{secrets: keys, tolerance: tolerance}
	for _, key := range keys {
		w, _ := standardwebhooks.NewWebhookRaw(key) // has no way to fail
		s.webhooks = append(s.webhooks, w)
	}
	return s
}

// Shown implements [Scheme].
func (s *standardScheme) Shown(h http.Header) bool { return len(h[standardSignature]) > 0 }

// Verify implements [Scheme]. The time is checked here: the library knows its own clock and five minutes only.
func (s *standardScheme) Verify(h http.Header, body []byte, now time.Time) (int, error) {
	_, hasID := only(h, standardID)
	at, hasTime := only(h, standardTimestamp)
	signatures, hasSignature := only(h, standardSignature)
	signedAt, readable := unixSeconds(at)
	if !hasID || !hasTime || !hasSignature || !readable || strings.Count(signatures, " ") >= maxSignatures {
		return 0, ErrNoSignature
	}
	index, match := 0, false
	for i, w := range s.webhooks { // all of them: time must not tell which one it was
		if w.VerifyIgnoringTimestamp(body, h) == nil {
			index, match = i, true
		}
	}
	switch {
	case !match:
		return 0, ErrWrongSignature
	case !isFresh(signedAt, now, s.tolerance):
		return 0, ErrStale
	}
	return index, nil
}

func (s *standardScheme) label(secret int) string {
	return fmt.Sprintf("%s secret %d", standardSignature, secret+1)
}

func (s *standardScheme) identities() []Token { return identities(standardSignature, s.secrets) }

func (s *standardScheme) decoy() Scheme { return newStandard(unknowable(len(s.secrets)), s.tolerance) }
