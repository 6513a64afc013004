package control

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"

	"leasehold/config"
)

// guarded says whether credentials are wanted. Kea: without authentication, and
// with an empty list of clients, everyone passes.
func guarded(a *config.Authentication) bool { return a != nil && len(a.Clients) > 0 }

// authenticate checks the credentials of a request.
func authenticate(a *config.Authentication, req *http.Request) (Role, string, bool) {
	user, password, given := req.BasicAuth()
	if !given {
		return Read, "", false
	}
	role, found := Identify(a.Clients, user, password)
	return role, user, found
}

// credentialSum makes two credentials of any length comparable in equal time.
// A user cannot contain a colon.
func credentialSum(user, password string) [sha256.Size]byte {
	return sha256.Sum256([]byte(user + ":" + password))
}

// Identify finds what the user of a name and password may do; ok is false if
// there is no such user. Every entry is looked at, so that the time says
// nothing about users.
func Identify(users []config.Credential, user, password string) (role Role, ok bool) {
	sum := credentialSum(user, password)
	for _, c := range users {
		own := credentialSum(c.User, c.Password)
		if subtle.ConstantTimeCompare(sum[:], own[:]) == 1 && !ok {
			role, ok = ParseRole(c.Role)
		}
	}
	return role, ok
}
