package forward

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// special is a range that no event is sent to unless a destination allows it.
type special struct {
	prefix netip.Prefix
	what   string
}

// specials are the ranges of the IANA registries of special-purpose addresses that are not for anybody on the internet,
// those in which an IPv4 address hides in an IPv6 one, and what clouds answer metadata on outside of them.
var specials = []special{
	{netip.MustParsePrefix("0.0.0.0/8"), "this network"},
	{netip.MustParsePrefix("10.0.0.0/8"), "private"},
	{netip.MustParsePrefix("100.64.0.0/10"), "shared by carriers"},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback"},
	{netip.MustParsePrefix("168.63.129.16/32"), "a cloud's metadata"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local, with clouds' metadata"},
	{netip.MustParsePrefix("172.16.0.0/12"), "private"},
	{netip.MustParsePrefix("192.0.0.0/24"), "reserved for protocols"},
	{netip.MustParsePrefix("192.0.2.0/24"), "documentation"},
	{netip.MustParsePrefix("192.88.99.0/24"), "6to4 relay"},
	{netip.MustParsePrefix("192.168.0.0/16"), "private"},
	{netip.MustParsePrefix("198.18.0.0/15"), "benchmarking"},
	{netip.MustParsePrefix("198.51.100.0/24"), "documentation"},
	{netip.MustParsePrefix("203.0.113.0/24"), "documentation"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved or broadcast"},
	{netip.MustParsePrefix("::/128"), "unspecified"},
	{netip.MustParsePrefix("::1/128"), "loopback"},
	{netip.MustParsePrefix("::ffff:0:0/96"), "IPv4-mapped"},
	{netip.MustParsePrefix("::/96"), "IPv4-compatible"},
	{netip.MustParsePrefix("64:ff9b::/96"), "NAT64"},
	{netip.MustParsePrefix("64:ff9b:1::/48"), "local NAT64"},
	{netip.MustParsePrefix("100::/64"), "discard-only"},
	{netip.MustParsePrefix("2001::/32"), "Teredo"},
	{netip.MustParsePrefix("2001:2::/48"), "benchmarking"},
	{netip.MustParsePrefix("2001::/23"), "reserved for protocols"},
	{netip.MustParsePrefix("2001:db8::/32"), "documentation"},
	{netip.MustParsePrefix("2002::/16"), "6to4"},
	{netip.MustParsePrefix("3fff::/20"), "documentation"},
	{netip.MustParsePrefix("5f00::/16"), "segment routing"},
	{netip.MustParsePrefix("fc00::/7"), "unique local"},
	{netip.MustParsePrefix("fe80::/10"), "link-local"},
	{netip.MustParsePrefix("fec0::/10"), "site-local"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
}

// global is what IANA has given out for unicast over the internet; other IPv6 addresses are nobody's yet.
var global = netip.MustParsePrefix("2000::/3")

// refusedError says why an address was not dialed.
type refusedError struct {
	addr netip.Addr
	what string
}

func (e *refusedError) Error() string {
	return fmt.Sprintf("refused to connect to %s: the address is not public (%s); allow_private_cidrs of the destination can allow it",
		e.addr, e.what)
}

// refusal returns nil for an address that may be dialed: a public unicast one, or one in a range that is allowed. An
// IPv4-mapped address is refused like other disguises, or allowed as the IPv4 address that it stands for.
func refusal(addr netip.Addr, allowed []netip.Prefix) error {
	addr = addr.WithZone("")
	if slices.ContainsFunc(allowed, func(p netip.Prefix) bool { return p.Contains(addr) || p.Contains(addr.Unmap()) }) {
		return nil
	}
	for _, s := range specials {
		if s.prefix.Contains(addr) {
			return &refusedError{addr, s.what}
		}
	}
	if addr.Is4() || global.Contains(addr) {
		return nil
	}
	return &refusedError{addr, "not given out"}
}

// guardedDialer dials what refusal lets pass. The check is made on the address of each connection, after names have been
// resolved: an answer of the DNS that changes between two questions gains nothing.
// The time is bounded because a transport goes on dialing when the request that wanted the connection has been given up.
func guardedDialer(allowed []netip.Prefix, timeout time.Duration) *net.Dialer {
	return &net.Dialer{
		Timeout: timeout,
		ControlContext: func(_ context.Context, network, address string, _ syscall.RawConn) error {
			if network != "tcp4" && network != "tcp6" {
				return fmt.Errorf("refused to connect over %s", network)
			}
			at, err := netip.ParseAddrPort(address)
			if err != nil {
				return fmt.Errorf("refused to connect to an address that can't be read: %w", err)
			}
			return refusal(at.Addr(), allowed)
		},
	}
}
