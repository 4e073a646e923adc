package main

import (
	"os"

	"github.com/dedupgate/dedupgate/internal/config"
)

// configFlag names the configuration of the commands that open the stores themselves.
type configFlag struct {
	Config string `short:"c" type:"path" env:"DEDUPGATE_CONFIG" placeholder:"FILE" help:"Configuration file; without one the embedded default (DEDUPGATE_… variables apply to both)."`
}

func (c *configFlag) load() (*config.Config, error) { return config.Load(c.Config, os.Environ()) }
