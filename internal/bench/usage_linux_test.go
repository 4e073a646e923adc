package main

import (
	"os"
	"testing"
	"time"
)

func TestProcessTimeGrowsWithWork(t *testing.T) {
	t.Parallel()
	before, err := processTime(os.Getpid(), true)
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for x := uint64(1); time.Now().Before(deadline); x = x*6364136223846793005 + 1 {
		if after, err := processTime(os.Getpid(), true); err != nil || after > before {
			return
		}
	}
	t.Error("ten seconds of work took no processor time")
}
