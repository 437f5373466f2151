package holdfast

import (
	"net/http"
	"net/netip"
	"strings"
)

// proxies are the networks whose X-Forwarded-Proto is believed.
type proxies []netip.Prefix

// proxiesIn returns the networks with those of IPv4 that are written as IPv6 as what
// they are, since addresses are compared so.
func proxiesIn(networks []netip.Prefix) proxies {
	var p proxies
	for _, network := range networks {
		if address, bits := network.Addr(), network.Bits(); address.Is4In6() && bits >= 96 {
			network = netip.PrefixFrom(address.Unmap(), bits-96)
		}
		p = append(p, network)
	}
	return p
}

// cameOverTLS reports whether the client's connection was encrypted: this one,
// or the one to a trusted proxy, which says so first in its list.
func (p proxies) cameOverTLS(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	if len(p) == 0 || !p.contain(r.RemoteAddr) {
		return false
	}
	proto, _, _ := strings.Cut(r.Header.Get("X-Forwarded-Proto"), ",")
	return strings.EqualFold(strings.TrimSpace(proto), "https")
}

func (p proxies) contain(remoteAddr string) bool {
	addr, err := netip.ParseAddrPort(remoteAddr)
	if err != nil {
		return false
	}
	ip := addr.Addr().Unmap().WithZone("")
	for _, network := range p {
		if network.Contains(ip) {
			return true
		}
	}
	return false
}
