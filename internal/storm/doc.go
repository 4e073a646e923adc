// Package storm plays Apify against a gateway and then checks the gateway's books against its own. The command line tool
// and the tests that break things run it; nobody else imports it. It may import client, view, signature (for
// the sink) and dedup (for ids).
//
// What is played: runs that are created, end, are resurrected and end again; up to three webhooks that tell the same event
// with dispatch ids and creation times of their own, at the same instant or one after the other; an attempt that is not
// answered 2xx comes again with the same dispatch id and bytes, on Apify's schedule made faster; a CREATED that arrives
// after its run's end; dispatches that come again although they were answered; TEST events.
//
// What is kept meanwhile, for every event: how often it was sent, which answers came, which said "first". What is checked
// at the end, through the admin API alone (see [Kind] for the list): no event that was answered 2xx is missing, none is
// there or was accepted twice, every run shows the status of its highest version and never went back while somebody looked,
// every 2xx has its receipt, and bodies are there byte for byte. The storm knows what is right from its own script, not
// from the gateway's rules: the two can't be wrong in the same way.
//
// With a [Sink] as a destination of the gateway, what comes out of it is checked too: every event of its books arrives, byte
// for byte, signed, under the event's id, and more than once only where the gateway was gone in between.
//
// The gateway may die and come back at any time: an attempt without an answer proves nothing and is repeated; questions to
// the admin API wait until it is there again.
package storm
