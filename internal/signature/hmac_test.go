package signature_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/signature"
)

func TestHMACSignaturesInTheHeader(t *testing.T) {
	t.Parallel()
	const wrong = "sha256=0000000000000000000000000000000000000000000000000000000000000000"
	two := header("X-Hub-Signature-256", wrong)
	two.Add("X-Hub-Signature-256", githubSignature)
	cases := []struct {
		name   string
		header http.Header
		want   error
	}{
		{"one", header("X-Hub-Signature-256", githubSignature), nil},
		{"two in a line, the right one last", header("X-Hub-Signature-256", wrong+", "+githubSignature), nil},
		{"two lines", two, nil},
		{"wrong", header("X-Hub-Signature-256", wrong), signature.ErrWrongSignature},
		{"no header", header("X-Other", githubSignature), signature.ErrNoSignature},
		{"empty", header("X-Hub-Signature-256", ""), signature.ErrNoSignature},
		{"without the prefix", header("X-Hub-Signature-256", strings.TrimPrefix(githubSignature, "sha256=")), signature.ErrNoSignature},
		{"the prefix alone", header("X-Hub-Signature-256", "sha256="), signature.ErrNoSignature},
		{"upper case", header("X-Hub-Signature-256", "sha256="+strings.ToUpper(githubSignature[7:])), signature.ErrWrongSignature},
		{"cut short", header("X-Hub-Signature-256", githubSignature[:len(githubSignature)-1]), signature.ErrWrongSignature},
		{"hundreds", header("X-Hub-Signature-256", strings.Repeat(wrong+",", 300)+githubSignature), signature.ErrNoSignature},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if _, err := github(t, githubSecret).Verify(c.header, []byte(githubBody), time.Now()); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestHMACTellsWhichSecretSigned(t *testing.T) {
	t.Parallel()
	for want, secrets := range [][]string{{githubSecret, "new"}, {"old", githubSecret}} {
		got, err := github(t, secrets...).Verify(header("X-Hub-Signature-256", githubSignature), []byte(githubBody), time.Now())
		if err != nil || got != want {
			t.Errorf("got %d, %v; want %d", got, err, want)
		}
	}
}

func TestHMACOverATimestampIsRefusedOutsideItsTolerance(t *testing.T) {
	t.Parallel()
	signed := time.Unix(1531420618, 0)
	h := header("X-Slack-Signature", slackSignature, "X-Slack-Request-Timestamp", slackTime)
	for offset, want := range map[time.Duration]error{
		0: nil, 5 * time.Minute: nil, -5 * time.Minute: nil,
		5*time.Minute + time.Second: signature.ErrStale, -5*time.Minute - time.Second: signature.ErrStale,
		time.Hour: signature.ErrStale, -time.Hour: signature.ErrStale,
	} {
		if _, err := slack(t, 5*time.Minute, slackSecret).Verify(h, []byte(slackBody), signed.Add(offset)); !errors.Is(err, want) {
			t.Errorf("%s after the signing: %v, want %v", offset, err, want)
		}
	}
	h.Set("X-Slack-Request-Timestamp", "1531420619")
	if _, err := slack(t, 0, slackSecret).Verify(h, []byte(slackBody), signed); !errors.Is(err, signature.ErrWrongSignature) {
		t.Errorf("another time: %v", err)
	}
}

func TestNewHMACRefusesWhatCanNotWork(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]signature.HMACOptions{
		"hash":             {Header: "X-S", Secrets: []string{"s3cret"}, Hash: "md5"},
		"encoding":         {Header: "X-S", Secrets: []string{"s3cret"}, Encoding: "base32"},
		"header":           {Secrets: []string{"s3cret"}},
		"content":          {Header: "X-S", Secrets: []string{"s3cret"}, Content: "nothing of the body"},
		"secrets":          {Header: "X-S"},
		"timestamp_header": {Header: "X-S", Secrets: []string{"s3cret"}, Content: "{timestamp}.{body}"},
		"go together":      {Header: "X-S", Secrets: []string{"s3cret"}, TimestampHeader: "X-T"},
		"one is empty":     {Header: "X-S", Secrets: []string{"s3cret", ""}},
	} {
		_, err := signature.NewHMAC(o)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", want, err)
		}
	}
	for _, secrets := range [][]string{nil, {""}, {"whsec_"}, {"not base64!"}} {
		if _, err := signature.NewStandard(secrets, 0); err == nil || strings.Contains(err.Error(), "not base64!") {
			t.Errorf("%q: %v", secrets, err)
		}
	}
}

// changed is b with the byte at another.
func changed(b string, at uint, by byte) string {
	c := []byte(b)
	c[at%uint(len(c))] ^= by
	return string(c)
}

func FuzzHMACRefusesAnyChangedByte(f *testing.F) {
	f.Add(githubBody, githubSecret, uint(3), byte(1))
	f.Add("{}", "s", uint(0), byte(0x20))
	f.Fuzz(func(t *testing.T, body, secret string, at uint, by byte) {
		if body == "" || secret == "" || by == 0 {
			return
		}
		now := time.Unix(1531420618, 0)
		s := slack(t, time.Minute, secret)
		good := signature.Sign(t, s, slackTime, body)
		h := header("X-Slack-Signature", "v0="+good, "X-Slack-Request-Timestamp", slackTime)
		if _, err := s.Verify(h, []byte(body), now); err != nil {
			t.Fatalf("refused: %v", err)
		}
		for what, refused := range map[string]func() error{
			"body": func() error {
				_, err := s.Verify(h, []byte(changed(body, at, by)), now)
				return err
			},
			"signature": func() error {
				_, err := s.Verify(header("X-Slack-Signature", "v0="+changed(good, at, by), "X-Slack-Request-Timestamp", slackTime), []byte(body), now)
				return err
			},
			"prefix": func() error {
				_, err := s.Verify(header("X-Slack-Signature", changed("v0=", at, by)+good, "X-Slack-Request-Timestamp", slackTime), []byte(body), now)
				return err
			},
			"time": func() error {
				_, err := s.Verify(header("X-Slack-Signature", "v0="+good, "X-Slack-Request-Timestamp", changed(slackTime, at, by)), []byte(body), now)
				return err
			},
		} {
			if refused() == nil {
				t.Errorf("taken with another %s", what)
			}
		}
	})
}

func FuzzStandardRefusesAnyChangedByte(f *testing.F) {
	f.Add(uint(3), byte(1))
	f.Add(uint(0), byte(0x20))
	f.Add(uint(47), byte(0x80))
	f.Fuzz(func(t *testing.T, at uint, by byte) {
		if by == 0 {
			return
		}
		s, now := standard(t, time.Minute, standardSecret), time.Unix(1614265330, 0)
		for name, value := range map[string]string{
			"Webhook-Id": standardMessage, "Webhook-Timestamp": standardTime, "Webhook-Signature": standardSignature,
		} {
			h := standardHeader(standardSignature)
			h[name] = []string{changed(value, at, by)}
			if _, err := s.Verify(h, []byte(standardBody), now); err == nil {
				t.Errorf("taken with %s %q", name, h[name])
			}
		}
		if _, err := s.Verify(standardHeader(standardSignature), []byte(changed(standardBody, at, by)), now); err == nil {
			t.Error("taken with another body")
		}
	})
}

func FuzzSignatureHeaders(f *testing.F) {
	f.Add("sha256=00, sha256=", "v1,a v1a,b", "1614265330")
	f.Add(",,,", "  ", "+1")
	f.Fuzz(func(t *testing.T, hub, signatures, at string) {
		h := header("X-Hub-Signature-256", hub, "Webhook-Id", "a", "Webhook-Timestamp", at, "Webhook-Signature", signatures)
		for _, s := range []signature.Scheme{github(t, githubSecret), standard(t, 0, standardSecret)} {
			if _, err := s.Verify(h, []byte("another body"), time.Now()); err == nil {
				t.Error("a signature of nobody's was taken")
			}
		}
	})
}
