package apify

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

func (l *Looker) byRun(ctx context.Context, d *delivery.Doubt) (string, error) {
	if d.Run.ID == "" {
		return "the request named no run", nil
	}
	if !isTypeOf(d.Run.Kind, d.Type) {
		return fmt.Sprintf("the request told no type of event that a %s has", d.Run.Kind), nil
	}
	user, err := l.user(ctx)
	if err != nil {
		return "", err
	}
	job, err := l.witness.Job(ctx, d.Run)
	switch {
	case errors.Is(err, ErrNotFound):
		return fmt.Sprintf("Apify knows no such %s", d.Run.Kind), nil
	case err != nil:
		return "", err
	case job.UserID != user:
		return fmt.Sprintf("the %s belongs to another account", d.Run.Kind), nil // anybody can read it who knows its id
	}
	return disagreement(&job, d, l.now()), nil
}

// isTypeOf reports a type that says what has become of a run or build. No other can be compared with what Apify has of it.
func isTypeOf(kind dedup.Kind, eventType string) bool {
	prefix := "ACTOR.RUN."
	if kind == dedup.KindBuild {
		prefix = "ACTOR.BUILD."
	}
	verb, ok := strings.CutPrefix(eventType, prefix)
	status := dedup.Status(verb)
	return ok && (status == dedup.StatusCreated || status.IsEnd() || status == dedup.StatusResurrected && kind == dedup.KindRun)
}

// disagreement says what a document read now does not bear out.
func disagreement(job *Job, d *delivery.Doubt, now time.Time) string {
	status := dedup.StatusOf(d.Type)
	switch {
	case status == dedup.StatusResurrected && job.Stats.Resurrections == 0:
		return "at Apify the run was never resurrected"
	case status == dedup.StatusResurrected && d.Generation != "" && !isLife(d.Generation, job.Stats.Resurrections):
		return "the request told more resurrections than Apify"
	case !status.IsEnd():
		return ""
	case job.Stats.Resurrections > 0:
		return noEndOf(job, d, now)
	case job.End() != status:
		return otherEnd(job, status)
	case d.Generation != "" && (job.FinishedAt == nil || !sameMoment(d.Generation, *job.FinishedAt)):
		return "the request told another time of the end than Apify"
	default:
		return ""
	}
}

func otherEnd(job *Job, status dedup.Status) string {
	return fmt.Sprintf("the request told %s, at Apify it is %s", strings.ToLower(string(status)), strings.ToLower(job.Status))
}

// noEndOf says why no life of a run that was taken up again can have ended as a request told. Of the lives before the last one
// Apify shows no more than that they lie between the run's start and its last end.
func noEndOf(job *Job, d *delivery.Doubt, now time.Time) string {
	if d.Generation == "" {
		return "" // it told no time
	}
	told, err := time.Parse(time.RFC3339Nano, d.Generation)
	ended := job.End() != "" && job.FinishedAt != nil
	switch {
	case err != nil:
		return "the request told no time of an end"
	case ended && told.Equal(*job.FinishedAt):
		if status := dedup.StatusOf(d.Type); job.End() != status {
			return otherEnd(job, status)
		}
		return ""
	case told.Before(job.StartedAt):
		return "the request told an end before the run was started"
	case ended && told.After(*job.FinishedAt):
		return "the request told an end after the run's last one at Apify"
	case told.After(now.Add(clockSlack)):
		return "the request told an end that is still to come"
	default:
		return ""
	}
}

// clockSlack is how far this machine's clock and Apify's may be apart.
const clockSlack = time.Minute

// isLife reports the number of a resurrection that has been.
func isLife(text string, resurrections int) bool {
	n, err := strconv.Atoi(text)
	return err == nil && n <= resurrections
}

func sameMoment(text string, at time.Time) bool {
	told, err := time.Parse(time.RFC3339Nano, text)
	return err == nil && told.Equal(at)
}

// user is the account's id, asked once.
func (l *Looker) user(ctx context.Context) (string, error) {
	l.mu.Lock()
	known := l.userID
	l.mu.Unlock()
	if known != "" {
		return known, nil
	}
	id, err := l.witness.UserID(ctx)
	if err != nil {
		return "", err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.userID = id
	return id, nil
}
