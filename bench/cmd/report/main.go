//go:build linux

// Command report makes the table and the page again from the JSON of an earlier run:
//
//	go run ./cmd/report results/2026-01-31T120000.json
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/headrace/headrace/bench/report"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: report FILE.json")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

func run(path string) error {
	r, err := report.Read(path)
	if err != nil {
		return err
	}
	name := strings.TrimSuffix(path, ".json")
	if err := r.WriteMarkdown(name + ".md"); err != nil {
		return err
	}
	if err := r.WriteHTML(name + ".html"); err != nil {
		return err
	}
	return r.Text(os.Stdout)
}
