package main

import "github.com/alecthomas/kong"

// cli is the command line: one field a command, in the order in which the help lists them.
type cli struct {
	Serve   serveCmd   `cmd:"" help:"Run the gateway."`
	Migrate migrateCmd `cmd:"" help:"Change the database's schema by hand."`
	Check   checkCmd   `cmd:"" help:"Look at the configuration and the stores, and say what is wrong."`
	Epoch   epochCmd   `cmd:"" help:"Void the marks in Redis after a restore."`
	Source  sourceCmd  `cmd:"" help:"Make tokens for sources."`

	Send       sendCmd       `cmd:"" help:"Send a sample webhook, or a file, and print the answer."`
	Storm      stormCmd      `cmd:"" help:"Play Apify against a gateway and check its books."`
	Events     eventsCmd     `cmd:"" help:"List events, or show one."`
	Runs       runsCmd       `cmd:"" help:"List runs with their status, or tell one run's story."`
	Quarantine quarantineCmd `cmd:"" help:"List, show and replay requests that could not become events."`

	Deliveries   deliveriesCmd   `cmd:"" help:"List, show, retry and cancel what is handed on to destinations."`
	Replay       replayCmd       `cmd:"" help:"Send events to destinations again."`
	Destinations destinationsCmd `cmd:"" help:"List, pause and resume destinations."`
	Stuck        stuckCmd        `cmd:"" help:"Find what has not moved for too long, and clear it."`

	Advise adviseCmd `cmd:"" help:"Say what the dedup windows are worth, and which would do."`

	Reconcile reconcileCmd `cmd:"" help:"Ask Apify for events that never came, and put them through the gate."`
	Doctor    doctorCmd    `cmd:"" help:"Look at the other end's settings, and say what is wrong with them."`

	Version versionCmd `cmd:"" help:"Print which program this is."`

	ShowVersion kong.VersionFlag `name:"version" help:"Print which program this is."`
}
