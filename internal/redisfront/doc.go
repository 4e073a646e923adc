// Package redisfront is the fast memory in front of the ledger, on Redis: it implements the core's Claimer, HitLog,
// HitSource and Limiter. Only internal/app may import it; go-redis and miniredis are seen nowhere else.
//
// Authority: none. Redis may shorten the way to "duplicate" and keep a duplicate's receipt until it reaches the ledger.
// Whatever it forgets, delays or refuses, no outcome changes and no request fails.
//
// Keys, all of them:
//
//	dg:<source>:<event key>          a claim; over 200 bytes dg:<source>:#<SHA-256 of the event key, hexadecimal>
//	dg.hits:<ledger id>:<source>     stream of hits, consumer group "dedupgate"
//	dg.streams:<ledger id>           set of the sources that have such a stream
//	rate:dg.limit:<what>             when a source, or a client, has paid off what it sent; only while there are limits
//	dg.probe                         written by the probe, gone after a second
//
// A claim is in one of three states: not there, pending (for its lease), settled (for its window). It is claimed with
// "SET key P<token> NX GET PX lease", which is safe to repeat: the own token in the reply means that an earlier reply was
// lost. It is settled with a plain SET, which repairs whatever was there. Claims are shared by all gateways on one Redis;
// a mark names its database, so that a gateway on another one does not believe it. Hits are kept apart by the ledger id.
//
// Failures. Every pipeline has a deadline. One that gets no answer, or only refusals (full, read-only, not allowed), has
// failed; after three in a row Redis is left out: claims answer unknown and degraded at once and hits go to the ledger.
// A probe that writes, once a second, takes Redis back in. One line is logged at each change. Start-up never waits for
// Redis longer than a second and never fails because of it. A value that this package did not write is never a mark.
//
// A Redis user for a gateway needs the keys dg:*, dg.* and rate:dg.limit:*, and the commands SET, XADD, XLEN, XREADGROUP, XGROUP,
// XACK, XDEL, XAUTOCLAIM, XINFO, SADD, SMEMBERS, EVAL, PING, HELLO, SELECT and INFO; for rate limits also GET, TIME and EVALSHA;
// in a cluster also CLUSTER and READONLY. With MEMORY it also lets the dashboard measure what claims take.
//
// Memory is bounded by what is in the windows and by the cap on hits. In embedded mode, an in-process miniredis without a
// port, everything is forgotten at 50,000 claims, since ageing them costs time linear in their number.
package redisfront
