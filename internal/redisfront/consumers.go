package redisfront

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// consumerIdle is how long a reader that holds nothing may be silent before it is forgotten: every restart leaves one.
	consumerIdle = time.Hour
	sweepEvery   = 10 * time.Minute
	signOffTime  = 500 * time.Millisecond
)

// forget deletes consumers that hold nothing, in one step: one that reads between a look and a deletion would lose what
// it read. A living consumer that is deleted comes back with its next read.
//
//	KEYS[1] stream
//	ARGV[1] group
//	ARGV[2] least idle time in milliseconds
//	ARGV[3] a consumer's name, or "" for all
//	returns how many were deleted; 0 when there is no such stream or group
const forget = `
local found = redis.pcall('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])
if found.err then return 0 end
local deleted = 0
for _, fields in ipairs(found) do
  local consumer = {}
  for i = 1, #fields, 2 do consumer[fields[i]] = fields[i + 1] end
  local meant = ARGV[3] == '' or ARGV[3] == consumer.name
  if meant and consumer.pending == 0 and consumer.idle >= tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer.name)
    deleted = deleted + 1
  end -- a silent one
end
return deleted`

// sweep forgets long silent consumers, now and then. Where it fails nothing is lost, and the next sweep comes.
func (r *Reader) sweep(ctx context.Context, list []*stream) {
	now := r.front.opts.Now()
	r.mu.Lock()
	due := now.Sub(r.swept) >= sweepEvery
	if due {
		r.swept = now
	}
	r.mu.Unlock()
	if !due || len(list) == 0 {
		return
	}
	cmds := make([]redis.Cmder, len(list))
	for i, st := range list {
		cmds[i] = forgetting(ctx, st, r.front.consumerIdle, "")
	}
	err := exec(ctx, r.front.redis, cmds)
	if err == nil {
		err = firstError(cmds)
	}
	if err != nil {
		r.front.opts.Log.Debug("could not forget silent readers", "error", err)
	}
}

func forgetting(ctx context.Context, st *stream, idle time.Duration, consumer string) *redis.IntCmd {
	return redis.NewIntCmd(ctx, "eval", forget, 1, st.key, group, idle.Milliseconds(), consumer)
}

// signOff forgets this process's own consumers where they hold nothing.
func (f *Front) signOff() {
	f.readers.mu.Lock()
	names := f.readers.names
	f.readers.mu.Unlock()
	ledger := f.ledger()
	if ledger == "" || f.breaker.isOpen() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), signOffTime)
	defer cancel()
	var cmds []redis.Cmder
	for _, st := range f.streams.list(ledger) {
		for _, name := range names {
			cmds = append(cmds, forgetting(ctx, st, 0, name))
		}
	}
	if len(cmds) > 0 {
		_ = exec(ctx, f.redis, cmds) // a consumer left behind is forgotten by the next sweep
	}
}
