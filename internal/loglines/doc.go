// Package loglines lets the log lines of a few milliseconds travel in one write. A gateway in a storm writes tens of thousands
// of lines a second, and a system call for each costs more than making the line.
//
// What it promises: lines keep their order and stay whole; a line that is a warning or worse is written at once, with all
// before it; others within [Delay]. A process that is killed loses the lines of that time, which say nothing that is not in
// the audit trail. It knows log/slog and nothing of the gateway, and may be imported by anyone.
package loglines
