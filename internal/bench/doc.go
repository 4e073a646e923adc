// Command bench measures a gateway against two yardsticks on the machine it runs on; `make bench` builds and runs it.
//
// It starts a PostgreSQL that syncs every commit, a Redis, the gateway in production mode and both yardsticks (see
// yardstick), each as a process of its own, and sends them webhooks over 64 connections (see load). Absolute figures
// belong to a machine and a minute, so what counts is ratios: each phase of the gateway lies between two of the bare
// yardstick and is compared with their mean. After every phase the rows of all tables are counted against the requests
// sent: a fast answer without its rows would be no answer.
//
// It is a tool of the developers', not part of the gateway, and no test: nothing imports it, and a slow machine fails
// nothing.
package main
