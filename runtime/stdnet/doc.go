// Package stdnet is package net's listeners, connections and dialer over a
// runtime.
package stdnet
