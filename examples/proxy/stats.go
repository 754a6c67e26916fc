package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// snapshot is what the statistics page shows.
type snapshot struct {
	Backend      string
	Nowhere      uint64 // clients that no target took
	ClientErrors uint64
	Idle         uint64
	Targets      []targetStats
}

type targetStats struct {
	Target  string
	Active  int64
	Total   uint64
	Refused uint64
	Failed  uint64
	Sent    int64 // bytes of ended connections
	Got     int64
	Out     bool
}

func (p *proxy) snapshot() snapshot {
	s := snapshot{
		Backend: p.rt.Backend().String(),
		Nowhere: p.nowhere.Load(), ClientErrors: p.clients.Load(), Idle: p.idled.Load(),
	}
	now := p.picker.now().UnixNano()
	for _, t := range p.targets {
		s.Targets = append(s.Targets, targetStats{
			Target: t.name, Active: t.active.Load(), Total: t.total.Load(), Refused: t.refused.Load(),
			Failed: t.failed.Load(), Sent: t.sent.Load(), Got: t.got.Load(), Out: t.out(now),
		})
	}
	return s
}

// print writes the statistics as lines.
func (p *proxy) print(w io.Writer) error {
	s := p.snapshot()
	for _, t := range s.Targets {
		fmt.Fprintf(w, "target=%s active=%d connections=%d refused=%d failed=%d bytes_to=%d bytes_from=%d out=%t\n",
			t.Target, t.Active, t.Total, t.Refused, t.Failed, t.Sent, t.Got, t.Out)
	}
	_, err := fmt.Fprintf(w, "nowhere=%d client_errors=%d idle=%d\n", s.Nowhere, s.ClientErrors, s.Idle)
	return err
}

// tell prints the statistics whenever the program is asked by a signal, and serves
// them if address is not empty, until stop is called.
func (p *proxy) tell(w io.Writer, address string) (stop func(), err error) {
	var server *http.Server
	if address != "" {
		ln, err := net.Listen("tcp", address)
		if err != nil {
			return nil, err
		}
		const patience = 10 * time.Second
		server = &http.Server{Handler: http.HandlerFunc(p.serveStats), ReadTimeout: patience, WriteTimeout: patience}
		fmt.Fprintf(os.Stderr, "statistics on http://%s/\n", ln.Addr())
		go server.Serve(ln)
	}
	unwatch := onSignal(func() { _ = p.print(w) }) // a lost line is not worth ending for
	return func() {
		unwatch()
		if server != nil {
			server.Close()
		}
	}, nil
}

func (p *proxy) serveStats(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(p.snapshot()) // whoever asked went away
}
