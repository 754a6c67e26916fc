package main

import (
	"strconv"
	"strings"
	"testing"
)

// sum adds up the samples of each metric of the text format, over its labels.
func sum(t *testing.T, text string, into map[string]float64) {
	t.Helper()
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, _, _ := strings.Cut(line, "{")
		value := strings.TrimSpace(line[strings.LastIndexByte(line, ' ')+1:])
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatal(line, err)
		}
		into[name] += v
	}
}
