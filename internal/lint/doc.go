// Package lint holds no code: its tests keep the rules of the house that no
// linter knows, above all who may import what.
package lint
