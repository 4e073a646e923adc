// Package browsertest tries the dashboard in a real browser (Debian's Chromium) against gateways of its own, in the test's
// process. It holds tests only; nobody imports it. The pages must have been built: make ui.
//
// DEDUPGATE_SCREENSHOTS names a folder to keep pictures of all pages in, for a person to look at.
package browsertest
