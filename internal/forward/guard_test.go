package forward

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// within draws an address of a range, its first and last one more often than others.
func within(prefix netip.Prefix) *rapid.Generator[netip.Addr] {
	return rapid.Custom(func(t *rapid.T) netip.Addr {
		raw := prefix.Masked().Addr().AsSlice()
		edge := rapid.SampledFrom([]string{"first", "last", "any", "any"}).Draw(t, "edge")
		for bit := prefix.Bits(); bit < len(raw)*8; bit++ {
			if edge == "last" || edge == "any" && rapid.Bool().Draw(t, "bit") {
				raw[bit/8] |= 0x80 >> (bit % 8)
			}
		}
		addr, _ := netip.AddrFromSlice(raw)
		return addr
	})
}

func TestSpecialAddressesAreRefused(t *testing.T) {
	t.Parallel()
	for _, s := range specials {
		t.Run(s.prefix.String()+" "+s.what, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				addr := within(s.prefix).Draw(t, "addr")
				if refusal(addr, nil) == nil {
					t.Fatalf("%s may be dialed", addr)
				}
				if addr.Is6() && refusal(addr.WithZone("eth0"), nil) == nil {
					t.Fatalf("%s with a zone may be dialed", addr)
				}
				if err := refusal(addr, []netip.Prefix{s.prefix}); err != nil {
					t.Fatalf("%s is allowed, and yet: %v", addr, err)
				}
				if refusal(addr, []netip.Prefix{netip.MustParsePrefix("8.8.8.0/24")}) == nil {
					t.Fatalf("%s may be dialed because something else may", addr)
				}
			})
		})
	}
}

// The ranges that the table must cover, written down a second time, from the standard library's point of view.
func TestNothingButPublicUnicastIsDialed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "bytes")
		addr := netip.AddrFrom16([16]byte(raw))
		if rapid.Bool().Draw(t, "IPv4") {
			addr = netip.AddrFrom4([4]byte(raw[:4]))
		}
		notPublic := addr.IsPrivate() || addr.IsLoopback() || addr.IsMulticast() || addr.IsLinkLocalUnicast() ||
			addr.IsUnspecified() || !addr.IsGlobalUnicast() || addr.Is4In6() || addr.Is6() && addr.As16()[0]>>5 != 1
		if notPublic && refusal(addr, nil) == nil {
			t.Fatalf("%s may be dialed", addr)
		}
	})
}

func TestIPv4HiddenInIPv6IsRefused(t *testing.T) {
	t.Parallel()
	disguises := map[string]func(v4 [4]byte) netip.Addr{
		"mapped": func(v4 [4]byte) netip.Addr {
			return netip.AddrFrom16([16]byte{10: 0xff, 0xff, v4[0], v4[1], v4[2], v4[3]})
		},
		"compatible": func(v4 [4]byte) netip.Addr { return netip.AddrFrom16([16]byte{12: v4[0], v4[1], v4[2], v4[3]}) },
		"NAT64": func(v4 [4]byte) netip.Addr {
			return netip.AddrFrom16([16]byte{0, 0x64, 0xff, 0x9b, 12: v4[0], v4[1], v4[2], v4[3]})
		},
		"6to4": func(v4 [4]byte) netip.Addr {
			return netip.AddrFrom16([16]byte{0x20, 0x02, v4[0], v4[1], v4[2], v4[3], 15: 1})
		},
		"Teredo": func(v4 [4]byte) netip.Addr {
			return netip.AddrFrom16([16]byte{0x20, 0x01, 12: ^v4[0], ^v4[1], ^v4[2], ^v4[3]})
		},
	}
	for name, disguise := range disguises {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				v4 := [4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "IPv4"))
				if addr := disguise(v4); refusal(addr, nil) == nil {
					t.Fatalf("%s may be dialed", addr)
				}
			})
		})
	}
}

func TestPublicAddressesMayBeDialed(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.1",
		"169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "198.17.255.255",
		"198.20.0.0", "223.255.255.255", "2001:4860:4860::8888", "2606:4700::1111", "2a00::1", "2001:db9::1",
	} {
		if err := refusal(netip.MustParseAddr(text), nil); err != nil {
			t.Error(err)
		}
	}
}

func TestMappedAddressesCountAsTheirIPv4WhereThatIsAllowed(t *testing.T) {
	t.Parallel()
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	if err := refusal(netip.MustParseAddr("::ffff:127.0.0.1"), loopback); err != nil {
		t.Error(err)
	}
	if refusal(netip.MustParseAddr("::ffff:10.0.0.1"), loopback) == nil {
		t.Error("a mapped private address may be dialed because loopback may")
	}
}

// The check is on the address of the connection, so it makes no difference what a name resolves to, or when.
func TestTheDialerChecksWhatNamesResolveTo(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	for _, host := range []string{"127.0.0.1", "localhost", "::ffff:127.0.0.1", "0.0.0.0"} {
		conn, err := guardedDialer(nil, time.Minute).DialContext(t.Context(), "tcp", net.JoinHostPort(host, port))
		if err == nil {
			_ = conn.Close()
			t.Errorf("%s was dialed", host)
		} else if !strings.Contains(err.Error(), "not public") {
			t.Errorf("%s: %v", host, err)
		}
	}
	loopback := guardedDialer([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, time.Minute)
	conn, err := loopback.DialContext(t.Context(), "tcp", listener.Addr().String())
	must(t, err)
	_ = conn.Close()
}

// A transport goes on dialing for a request that was given up, so the request's own deadline does not end it.
func TestDialingEndsWithTheTimeoutOfADestination(t *testing.T) {
	t.Parallel()
	dialer := guardedDialer(nil, 30*time.Millisecond)
	dialer.ControlContext = func(ctx context.Context, _, _ string, _ syscall.RawConn) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Second):
			return errors.New("it goes on")
		}
	}
	_, err := dialer.DialContext(t.Context(), "tcp", "127.0.0.1:9")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("want an end by the timeout, got %v", err)
	}
}
