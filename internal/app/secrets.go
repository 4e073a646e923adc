package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dedupgate/dedupgate/internal/signature"
)

// The files that keep the tokens and the key of a gateway that was given none. They are readable by their owner only.
const (
	sourceTokenFile = "source-token-apify"
	adminTokenFile  = "admin-token"
	sessionKeyFile  = "session-key"
)

// keptToken reads the token in dir/name, or makes one and keeps it there, so that the same folder started again forgets
// nothing.
func keptToken(dir, name string) (string, error) {
	path := filepath.Join(dir, name)
	text, err := os.ReadFile(path)
	switch {
	case err == nil:
		token := strings.TrimSpace(string(text))
		if token == "" {
			return "", fmt.Errorf("%s is empty: delete it to have a new token made", path)
		}
		return token, nil
	case !errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("read token: %w", err)
	}
	token := signature.NewToken()
	if err := writeOnce(path, token+"\n"); err != nil {
		return "", fmt.Errorf("keep token: %w", err)
	}
	return token, nil
}

// writeOnce creates the file whole or not at all.
func writeOnce(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	if _, err := f.WriteString(text); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
