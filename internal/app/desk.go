package app

import (
	"time"

	"github.com/dedupgate/dedupgate/internal/access"
	"github.com/dedupgate/dedupgate/internal/config"
	"github.com/dedupgate/dedupgate/internal/signature"
)

// openDesk knows the operators' tokens. A gateway that was given none makes one with the role admin and keeps it.
func openDesk(cfg *config.Config) (*access.Desk, error) {
	key := cfg.Admin.SessionKey.Reveal()
	if key == "" {
		var err error
		if key, err = keptToken(cfg.DataDir, sessionKeyFile); err != nil {
			return nil, err
		}
	}
	tokens, err := accessTokens(cfg)
	if err != nil {
		return nil, err
	}
	return access.NewDesk(tokens, []byte(key), time.Duration(cfg.Admin.Session))
}

func accessTokens(cfg *config.Config) ([]access.Token, error) {
	if tokens := cfg.Admin.AccessTokens(); len(tokens) > 0 {
		return tokens, nil
	}
	made, err := keptToken(cfg.DataDir, adminTokenFile)
	if err != nil {
		return nil, err
	}
	return []access.Token{{Name: "admin", Role: access.Admin, Hash: signature.HashToken(made)}}, nil
}
