// Package access says who may operate the gateway: tokens with roles, and the sessions that a browser gets for one. It is
// pure but for the random bytes of a new session, and may be imported by anyone.
//
// It keeps no state. A session is a signed note of when it ends, so that every replica with the same session key knows it.
// Its signature depends on the token it was opened with: taking the token out of the configuration ends its sessions,
// and changing the token's role changes theirs. Neither a token nor its SHA-256 is enough to make a session.
package access

import (
	"fmt"
	"slices"
)

// Role says what somebody may do. Each role may do what those below it may. The zero value may do nothing.
type Role uint8

// The roles.
const (
	Nobody  Role = iota
	Read         // look at everything but secrets
	Operate      // and change what becomes of events: replay, retry, cancel, pause, release
	Admin        // and everything else
)

func roleNames() []string { return []string{"nobody", "read", "operate", "admin"} }

// ParseRole reads read, operate or admin.
func ParseRole(text string) (Role, error) {
	if i := slices.Index(roleNames(), text); i > 0 {
		return Role(i), nil
	}
	return Nobody, fmt.Errorf("%q is no role: use read, operate or admin", text)
}

// String is the role's name.
func (r Role) String() string {
	if int(r) < len(roleNames()) {
		return roleNames()[r]
	}
	return roleNames()[Nobody]
}

// Allows reports whether somebody of this role may do what takes the other role.
func (r Role) Allows(needed Role) bool { return r >= needed && r > Nobody && r <= Admin }
