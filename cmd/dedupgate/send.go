package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/dedupgate/dedupgate/internal/samples"
)

// sendCmd sends a webhook as Apify does.
type sendCmd struct {
	webhookFlags
	dataDirFlag
	What       string        `arg:"" optional:"" name:"sample|file" help:"Name of a sample, path of a file with a body, or - for standard input."`
	List       bool          `help:"List the samples."`
	Header     []string      `short:"H" sep:"none" placeholder:"NAME: VALUE" help:"Set a header; an empty value takes it away. Can be given several times."`
	DispatchID string        `placeholder:"ID" help:"Dispatch id, instead of the sample's or, for a file, of a new one."`
	Times      int           `default:"1" help:"Send it so many times, byte for byte the same: from the second on it should be a duplicate."`
	Timeout    time.Duration `default:"30s" help:"How long to wait for an answer."`
	JSON       bool          `name:"json" help:"One JSON object a line for each answer."`
}

// Help is shown by --help.
func (sendCmd) Help() string {
	return `Samples are webhooks in the shapes that Apify sends, with the headers that come with them. Prints the status code and
what the gateway says it did, and exits 1 unless every answer was 2xx.`
}

// Run sends.
func (c *sendCmd) Run(ctx context.Context, std streams) error {
	if c.List {
		return c.list(std.out)
	}
	message, err := c.message(std.in)
	if err != nil {
		return err
	}
	address, from, err := c.webhook(&c.dataDirFlag)
	if err != nil {
		return err
	}
	post := poster{address: address, tokenFrom: from, http: &http.Client{
		Timeout:       c.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	defer post.http.CloseIdleConnections()
	failed := false
	for range c.Times {
		answer, err := post.send(ctx, message)
		if err != nil {
			return err
		}
		failed = failed || !answer.ok()
		if err := c.say(std, answer, post); err != nil {
			return err
		}
	}
	if failed {
		return errSaid
	}
	return nil
}

func (c *sendCmd) list(out io.Writer) error {
	if c.JSON {
		for _, s := range samples.All() {
			if err := printJSON(out, map[string]any{"name": s.Name, "file": s.File, "bytes": len(s.Compact()), "remark": s.Remark}); err != nil {
				return err
			}
		}
		return nil
	}
	t := newTable(out, "SAMPLE", "BYTES", "REMARK")
	for _, s := range samples.All() {
		t.row(s.Name, number(len(s.Compact())), s.Remark)
	}
	return t.flush()
}

// message is what is sent.
type message struct {
	body   []byte
	header http.Header
}

func (c *sendCmd) message(in io.Reader) (message, error) {
	if c.What == "" {
		return message{}, errors.New("name a sample or a file; --list shows the samples")
	}
	m, err := c.load(in)
	if err != nil {
		return message{}, err
	}
	if c.DispatchID != "" {
		m.header.Set(dispatchHeader, c.DispatchID)
	}
	for _, h := range c.Header {
		name, value, ok := strings.Cut(h, ":")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return message{}, errors.New("--header must look like 'Name: value'")
		}
		if value = strings.TrimSpace(value); value == "" {
			m.header.Del(name)
			continue
		}
		m.header.Set(name, value)
	}
	return m, nil
}

const dispatchHeader = "X-Apify-Webhook-Dispatch-Id"

func (c *sendCmd) load(in io.Reader) (message, error) {
	if s, ok := samples.Get(c.What); ok {
		return message{s.Compact(), s.Headers}, nil
	}
	header := http.Header{
		"Content-Type":           {"application/json"},
		"X-Apify-Webhook":        {"yo"},
		"X-Apify-Request-Origin": {"WEBHOOK"},
		dispatchHeader:           {rand.Text()[:17]},
	}
	if c.What == "-" {
		body, err := io.ReadAll(in)
		if err != nil {
			return message{}, fmt.Errorf("read standard input: %w", err)
		}
		return message{body, header}, nil
	}
	body, err := os.ReadFile(c.What)
	if errors.Is(err, os.ErrNotExist) {
		return message{}, fmt.Errorf("%q is neither a sample nor a file; --list shows the samples", c.What)
	}
	if err != nil {
		return message{}, fmt.Errorf("read the body: %w", err)
	}
	return message{body, header}, nil
}

// poster sends to one address. Its errors and answers never show the address's query, which holds the token.
type poster struct {
	address   string
	tokenFrom string
	http      *http.Client
}

// answer is what a gateway said.
type answer struct {
	status  int
	outcome string // of the header X-Dedup-Outcome
	body    []byte
	took    time.Duration
	said    struct {
		Status      string    `json:"status"`
		Outcome     string    `json:"outcome"`
		Message     string    `json:"message"`
		EventID     string    `json:"event_id"`
		FirstSeenAt time.Time `json:"first_seen_at"`
	}
}

func (a *answer) ok() bool { return a.status >= 200 && a.status < 300 }

func (p *poster) send(ctx context.Context, m message) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.address, bytes.NewReader(m.body))
	if err != nil {
		return nil, errors.New("the URL can't be used")
	}
	req.Header = m.header.Clone()
	begun := time.Now()
	res, err := p.http.Do(req)
	if err != nil {
		return nil, p.noAnswer(ctx, err)
	}
	defer res.Body.Close()
	a := &answer{status: res.StatusCode, outcome: res.Header.Get("X-Dedup-Outcome")}
	if a.body, err = io.ReadAll(io.LimitReader(res.Body, 1<<20)); err != nil {
		return nil, p.noAnswer(ctx, err)
	}
	a.took = time.Since(begun)
	_ = json.Unmarshal(a.body, &a.said) // another server's answer is shown as it is
	return a, nil
}

func (p *poster) noAnswer(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if inner := (*url.Error)(nil); errors.As(err, &inner) {
		err = inner.Err
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("no answer from %s (connection refused): is the gateway running? "+
			"Start it with 'dedupgate serve', or name another with --url", p.host())
	}
	return fmt.Errorf("no answer from %s: %w", p.host(), err)
}

func (p *poster) host() string {
	u, err := url.Parse(p.address)
	if err != nil {
		return "the gateway"
	}
	return u.Scheme + "://" + u.Host
}

func (c *sendCmd) say(std streams, a *answer, p poster) error {
	if c.JSON {
		out := map[string]any{"status_code": a.status, "x_dedup_outcome": a.outcome, "took_ms": a.took.Milliseconds()}
		if json.Valid(a.body) {
			out["answer"] = json.RawMessage(a.body)
		} else {
			out["answer_text"] = string(a.body)
		}
		return printJSON(std.out, out)
	}
	said := cmp.Or(a.outcome, a.said.Outcome, a.said.Status, clip(string(a.body), 200))
	line := fmt.Sprintf("%d %s", a.status, printable(said))
	if a.said.EventID != "" {
		line += ", event " + printable(a.said.EventID)
	}
	if !a.said.FirstSeenAt.IsZero() {
		line += ", first seen " + localMillis(a.said.FirstSeenAt)
	}
	if a.said.Message != "" {
		line += "\n    " + printable(a.said.Message)
	}
	if a.status == http.StatusUnauthorized {
		line += "\n    " + p.tokenAdvice()
	}
	_, err := fmt.Fprintln(std.out, line)
	return err
}

func (p *poster) tokenAdvice() string {
	switch p.tokenFrom {
	case "":
		return "No token was sent: none is kept in the data folder. Pass the whole webhook URL with --url."
	case "--url":
		return "The token in --url is missing or not this gateway's."
	default:
		return "The token in " + p.tokenFrom + " is not this gateway's: is it another one's data folder?"
	}
}
