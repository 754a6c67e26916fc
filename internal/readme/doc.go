// Package readme holds no code: its tests compile what README.md and docs/ show,
// and run it as a program of its own.
package readme
