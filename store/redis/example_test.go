package redisstore_test

import (
	"crypto/tls"
	"crypto/x509"
	"log"
	"os"
	"strings"

	"github.com/redis/rueidis"

	redisstore "github.com/holdfast-go/holdfast/store/redis"
)

// The server's certificate is from an authority of your own, and its password
// changes. Each new connection reads the password again.
func ExampleOptions_client() {
	authority, err := os.ReadFile("/etc/ssl/sessions-authority.pem")
	if err != nil {
		log.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	store, err := redisstore.New(redisstore.Options{
		Client: rueidis.ClientOption{
			InitAddress: []string{"sessions.example:6379"},
			TLSConfig:   &tls.Config{RootCAs: roots},
			AuthCredentialsFn: func(rueidis.AuthCredentialsContext) (rueidis.AuthCredentials, error) {
				password, err := os.ReadFile("/run/secrets/sessions-password")
				return rueidis.AuthCredentials{Username: "holdfast", Password: strings.TrimSpace(string(password))}, err
			},
		},
		Check: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
}
