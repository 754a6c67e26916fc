//go:build linux

// Command report makes the table and the page again from the JSON of an earlier run, or one of several runs whose
// chapters were measured at different times:
//
//	go run ./cmd/report results/2026-01-31T120000.json
//	go run ./cmd/report -out results/all echo.json static.json
//	go run ./cmd/report -publish ../docs/benchmarks echo.json static.json
//
// What -publish writes has the JSON beside it, packed, which can be given here again.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/headrace/headrace/bench/report"
)

func main() {
	out := flag.String("out", "", "name of what is written, without its ending (default the only file's)")
	publish := flag.String("publish", "", "write results.md, .html and .json.gz and echo.svg to this `folder`, and nothing else")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: report [-out NAME] [-publish FOLDER] FILE.json...")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 || flag.NArg() > 1 && *out == "" && *publish == "" {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*out, *publish, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

func run(name, publish string, paths []string) error {
	var parts []*report.Report
	for _, path := range paths {
		part, err := report.Read(path)
		if err != nil {
			return err
		}
		parts = append(parts, part)
	}
	r, err := report.Join(parts...)
	if err != nil {
		return err
	}
	if publish != "" {
		if err := r.Publish(publish); err != nil {
			return err
		}
	}
	switch {
	case name != "":
		if err := r.Save(name + ".json"); err != nil {
			return err
		}
	case publish != "":
		return nil
	default:
		name = strings.TrimSuffix(paths[0], ".json")
	}
	if err := r.WriteMarkdown(name + ".md"); err != nil {
		return err
	}
	if err := r.WriteHTML(name + ".html"); err != nil {
		return err
	}
	return r.Text(os.Stdout)
}
