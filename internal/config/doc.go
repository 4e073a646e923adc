// Package config is what an operator can set: the keys with their defaults, how they are read, checked, printed and
// reloaded. Only cmd and internal/app import it; of the gateway it imports the pure core alone.
//
// One YAML file, the environment over it (DEDUPGATE_ and the key in capitals: dedup.window is DEDUPGATE_DEDUP_WINDOW), a
// file behind every secret (token_file beside token). [Load] refuses what it does not know, and tells everything that is
// wrong at once: each problem with file, line and column, or the variable that it came from, and what to do about it.
//
// One function reads a key's text wherever it was written, so that the file and the environment take the same values and
// refuse the others in the same words. That is also why the YAML tree is bound to the types here, leaf by leaf, rather
// than by the decoder of the YAML library: the decoder stops at the first mistake, takes 16.5 for 16, and prints source
// lines, with the secrets in them, into its errors.
//
// Secrets. [Secret] and [DatabaseURL] print as *** through every verb of fmt, slog and JSON. No error of this package
// quotes a secret, the value of an unknown key, or a line of the file. [Config.YAML] with masked false is the one way out.
//
// Reload. [Watcher] swaps in a new configuration only when all of it is good; a bad file keeps the old one in force. Keys
// that can't change in a running process keep their old value and are named in the log.
package config
