package signature

import "testing"

// Sign makes the signature that the scheme wants to see, without its prefix.
func Sign(t testing.TB, s Scheme, at, body string) string {
	t.Helper()
	h, ok := s.(*hmacScheme)
	if !ok {
		t.Fatalf("a scheme of type %T", s)
	}
	return h.sign(h.secrets[0], at, []byte(body))
}
