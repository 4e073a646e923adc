// Package client reads a gateway's admin API and replays what is in quarantine. The command line tool and the storm use
// it; it may import view and the standard library only.
//
// Every method makes one request and returns what the gateway said or an error that tells a person what to do. Errors are
// of three kinds, told apart with errors.Is and errors.As: [ErrUnreachable] (nobody answered: asking again may help),
// [*Problem] (the gateway answered and refused; it also is [view.ErrNotFound] where that is meant), and [ErrForeign]
// (something answered that is no admin API). No error holds the token.
package client
