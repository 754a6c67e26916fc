//go:build linux

// Command load runs one load.Spec, read as JSON from standard input, and writes the load.Result as
// JSON to standard output. The harness starts it pinned to its own core.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/headrace/headrace/bench/load"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var spec load.Spec
	in := json.NewDecoder(os.Stdin)
	in.DisallowUnknownFields()
	if err := in.Decode(&spec); err != nil {
		return fmt.Errorf("load: reading the spec: %w", err)
	}
	result, err := load.Run(spec)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}
