package testserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/holdfast-go/holdfast/internal/loopback"
)

// TLS is a line for Start: a Redis or Valkey server then has a second port,
// with TLS and a self-signed certificate. See TLSAddr and TLSConfig.
const TLS = "tls"

// TLSAddr returns the address of the port with TLS, or "" without TLS.
func (s *Server) TLSAddr() string {
	if s.client == nil {
		return ""
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.tlsPort))
}

// TLSConfig returns a configuration for clients, which trusts the server's
// certificate and no other, or nil without TLS. The caller owns it.
func (s *Server) TLSConfig() *tls.Config { return s.client.Clone() }

// expand returns lines with the configuration that TLS stands for.
func (s *Server) expand(lines []string) ([]string, error) {
	at := slices.Index(lines, TLS)
	if at < 0 {
		return lines, nil
	}
	var err error
	if s.tlsPort, err = loopback.Port(); err != nil {
		return nil, err
	}
	if s.client, err = certify(s.file("cert.pem"), s.file("key.pem")); err != nil {
		return nil, err
	}
	return slices.Concat(lines[:at], []string{
		fmt.Sprintf("tls-port %d", s.tlsPort),
		"tls-cert-file ../cert.pem",
		"tls-key-file ../key.pem",
		"tls-ca-cert-file ../cert.pem",
		"tls-auth-clients no",
	}, lines[at+1:]), nil
}

// certify writes a new certificate for 127.0.0.1 and localhost, and its key. It
// returns a configuration for clients that trust it.
func certify(certFile, keyFile string) (*tls.Config, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(certPEM)
	return &tls.Config{RootCAs: trusted}, errors.Join(os.WriteFile(certFile, certPEM, 0o600), os.WriteFile(keyFile, keyPEM, 0o600))
}
