package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

func TestATokensDigestIsTheSameHoweverItIsGiven(t *testing.T) {
	t.Parallel()
	want := sha256.Sum256([]byte("a token"))
	for _, token := range []Token{
		{Value: "a token"},
		{Value: "a token", ValueFile: "/where/it/came/from"},
		{SHA256: hex.EncodeToString(want[:])},
		{SHA256: strings.ToUpper(hex.EncodeToString(want[:]))},
	} {
		if token.Digest() != want {
			t.Errorf("%v: got digest %x", token, token.Digest())
		}
	}
	for _, token := range []Token{{}, {SHA256: "abc"}, {SHA256: strings.Repeat("x", 64)}} {
		if token.Digest() != [sha256.Size]byte{} {
			t.Errorf("%v: got digest %x, want none", token, token.Digest())
		}
	}
}

func TestProblemsCanBeTakenApart(t *testing.T) {
	t.Parallel()
	var p Problem
	if err := error(problemsOf(t, "log: {level: loud}")); !errors.As(err, &p) || p.Key != "log.level" || p.Line != 1 || p.Column != 14 {
		t.Errorf("got %+v", p)
	}
}

func TestQuantitiesAreLoggedAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "window", 3*day, "body", 10*MiB)
	if !strings.Contains(log.String(), `"window":"3d","body":"10MiB"`) {
		t.Errorf("got %s", log.String())
	}
}
