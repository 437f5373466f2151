package holdfast

import (
	"net/http"
	"net/netip"
	"strings"
)

// proxies are the networks whose X-Forwarded-Proto counts.
type proxies []netip.Prefix

// proxiesIn returns the networks. It converts IPv4 networks that are written as
// IPv6, since addresses are compared as IPv4.
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

// cameOverTLS reports whether the client used TLS, to this server or to a
// trusted proxy. The first entry of the proxy's header counts.
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
