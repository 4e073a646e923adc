package signature_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/signature"
)

func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func newHMAC(t testing.TB, o signature.HMACOptions) signature.Scheme {
	t.Helper()
	s, err := signature.NewHMAC(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func github(t testing.TB, secrets ...string) signature.Scheme {
	t.Helper()
	return newHMAC(t, signature.HMACOptions{Header: "X-Hub-Signature-256", Prefix: "sha256=", Secrets: secrets})
}

func slack(t testing.TB, tolerance time.Duration, secrets ...string) signature.Scheme {
	t.Helper()
	return newHMAC(t, signature.HMACOptions{
		Header: "X-Slack-Signature", Prefix: "v0=", TimestampHeader: "X-Slack-Request-Timestamp", Content: "v0:{timestamp}:{body}",
		Secrets: secrets, Tolerance: tolerance,
	})
}

// What the senders' own documentation gives as an example.
const (
	githubSecret    = "It's a Secret to Everybody"
	githubBody      = "Hello, World!"
	githubSignature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

	slackSecret    = "8f742231b10e8888abcd99yyyzzz85a5"
	slackTime      = "1531420618"
	slackSignature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
	slackBody      = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&" +
		"channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&" +
		"response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&" +
		"trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"

	standardSecret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	standardMessage   = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	standardTime      = "1614265330"
	standardBody      = `{"test": 2432232314}`
	standardSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

func TestDocumentedExamplesAreTaken(t *testing.T) {
	t.Parallel()
	rfc := "what do ya want for nothing?"
	plain := func(hash, encoding string) signature.Scheme {
		return newHMAC(t, signature.HMACOptions{Hash: hash, Encoding: encoding, Header: "X-Signature", Secrets: []string{"Jefe"}})
	}
	cases := []struct {
		name   string
		scheme signature.Scheme
		body   string
		header http.Header
	}{
		{"GitHub", github(t, githubSecret), githubBody, header("X-Hub-Signature-256", githubSignature)},
		{"Slack", slack(t, 0, slackSecret), slackBody, header("X-Slack-Signature", slackSignature, "X-Slack-Request-Timestamp", slackTime)},
		{"RFC 2202, SHA-1", plain("sha1", "hex"), rfc, header("X-Signature", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79")},
		{
			"RFC 4231, SHA-256", plain("sha256", "hex"), rfc,
			header("X-Signature", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
		},
		{
			"RFC 4231, SHA-256 in base64 as Shopify writes it", plain("sha256", "base64"), rfc,
			header("X-Signature", "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM="),
		},
		{
			"RFC 4231, SHA-512", plain("sha512", "hex"), rfc,
			header("X-Signature", "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"+
				"9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"),
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if _, err := c.scheme.Verify(c.header, []byte(c.body), time.Now()); err != nil {
				t.Error(err)
			}
			if _, err := c.scheme.Verify(c.header, []byte(c.body+" "), time.Now()); !errors.Is(err, signature.ErrWrongSignature) {
				t.Errorf("another body: %v", err)
			}
		})
	}
}

func standard(t testing.TB, tolerance time.Duration, secrets ...string) signature.Scheme {
	t.Helper()
	s, err := signature.NewStandard(secrets, tolerance)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func standardHeader(signatures string) http.Header {
	return header("Webhook-Id", standardMessage, "Webhook-Timestamp", standardTime, "Webhook-Signature", signatures)
}

func TestStandardWebhooksExample(t *testing.T) {
	t.Parallel()
	const other = "whsec_b3RoZXIgc2VjcmV0"
	now := time.Unix(1614265330, 0)
	cases := []struct {
		name   string
		scheme signature.Scheme
		header http.Header
		now    time.Time
		secret int
		want   error
	}{
		{"as documented", standard(t, 5*time.Minute, standardSecret), standardHeader(standardSignature), now, 0, nil},
		{"without the secret's prefix", standard(t, 0, strings.TrimPrefix(standardSecret, "whsec_")), standardHeader(standardSignature), now, 0, nil},
		{"second secret", standard(t, 0, other, standardSecret), standardHeader(standardSignature), now, 1, nil},
		{"second signature", standard(t, 0, standardSecret), standardHeader("v1,bm9uZQ== v1a,x " + standardSignature), now, 0, nil},
		{"at the tolerance", standard(t, time.Minute, standardSecret), standardHeader(standardSignature), now.Add(time.Minute), 0, nil},
		{"our clock an hour ahead", standard(t, 5*time.Minute, standardSecret), standardHeader(standardSignature), now.Add(time.Hour), 0, signature.ErrStale},
		{"our clock an hour behind", standard(t, 5*time.Minute, standardSecret), standardHeader(standardSignature), now.Add(-time.Hour), 0, signature.ErrStale},
		{"any time", standard(t, 0, standardSecret), standardHeader(standardSignature), now.Add(100 * 365 * 24 * time.Hour), 0, nil},
		{"another secret", standard(t, 0, other), standardHeader(standardSignature), now, 0, signature.ErrWrongSignature},
		{"another version", standard(t, 0, standardSecret), standardHeader("v2" + standardSignature[2:]), now, 0, signature.ErrWrongSignature},
		{"too many signatures", standard(t, 0, standardSecret), standardHeader(strings.Repeat("v1,x ", 16) + standardSignature), now, 0, signature.ErrNoSignature},
		{"no id", standard(t, 0, standardSecret), header("Webhook-Timestamp", standardTime, "Webhook-Signature", standardSignature), now, 0, signature.ErrNoSignature},
		{"no time", standard(t, 0, standardSecret), header("Webhook-Id", standardMessage, "Webhook-Signature", standardSignature), now, 0, signature.ErrNoSignature},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			secret, err := c.scheme.Verify(c.header, []byte(standardBody), c.now)
			if secret != c.secret || !errors.Is(err, c.want) {
				t.Errorf("got %d, %v; want %d, %v", secret, err, c.secret, c.want)
			}
		})
	}
	twice := standardHeader(standardSignature)
	twice.Add("Webhook-Id", "msg_another")
	if _, err := standard(t, 0, standardSecret).Verify(twice, []byte(standardBody), now); !errors.Is(err, signature.ErrNoSignature) {
		t.Errorf("two ids: %v", err)
	}
}

func TestSignedTimesHaveOneForm(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "+1614265330", "01614265330", " 1614265330", "1614265330.0", "-1614265330", "1614265330000000000000"} {
		h := standardHeader(standardSignature)
		h.Set("Webhook-Timestamp", text)
		if _, err := standard(t, 0, standardSecret).Verify(h, []byte(standardBody), time.Unix(1614265330, 0)); err == nil {
			t.Errorf("the time %q was taken", text)
		}
	}
}
