// Package dashboard holds the operators' pages and hands them out. They are made from ui/ (Vite, Preact, TypeScript) by
// `make ui` and embedded into the program; a program built without them says how to get them. It hands out files only: what
// the pages show they ask of /api/v1, and only that wants a credential. It may be imported by internal/app and imports the
// standard library only.
package dashboard
