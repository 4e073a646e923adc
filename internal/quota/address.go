package quota

import "net/netip"

// Address is what an address counts as: of IPv6 the network that one customer is given, so that nobody has more shares
// than others by having more addresses. What is no address counts as itself.
func Address(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	if a = a.Unmap(); a.Is4() {
		return a.String()
	}
	p, _ := a.WithZone("").Prefix(64) // has no way to fail
	return p.String()
}
