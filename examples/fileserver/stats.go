package main

import (
	"bytes"
	"encoding/json"
	"html/template"
	"net/http"
	"strconv"
	"time"

	"github.com/headrace/headrace/runtime"
)

// snapshot is what /_stats shows.
type snapshot struct {
	Decision   string
	Requests   uint64
	PerRequest float64 // enters
	Runtime    runtime.Stats
	Total      runtime.LoopStats
}

// stats answers with the server's statistics: a page that refreshes itself, or
// JSON if the query says so.
func (s *server) stats(w *response) {
	var body bytes.Buffer
	var err error
	asJSON := w.req.URL.Query().Has("json")
	w.c.Offload(func() { // Stats waits for the loops, this one included
		snap := s.snapshot()
		if asJSON {
			err = json.NewEncoder(&body).Encode(snap)
		} else {
			err = statsPage.Execute(&body, snap)
		}
	})
	if err != nil {
		w.fail(http.StatusInternalServerError, err.Error())
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	if asJSON {
		h.Set("Content-Type", "application/json")
	}
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", itoa(body.Len()))
	_, _ = w.Write(body.Bytes()) // kept in w.err
}

func (s *server) snapshot() snapshot {
	st := s.rt.Stats()
	snap := snapshot{Decision: s.rt.Decision().String(), Requests: s.requests.Load(), Runtime: st, Total: st.Total()}
	if snap.Requests > 0 {
		snap.PerRequest = float64(snap.Total.Engine.Enters) / float64(snap.Requests)
	}
	return snap
}

func itoa(n int) string { return strconv.Itoa(n) }

var statsPage = template.Must(template.New("stats").Funcs(template.FuncMap{
	"round": func(d time.Duration) time.Duration { return d.Round(time.Second) },
	"mib":   func(n uint64) string { return strconv.FormatFloat(float64(n)/(1<<20), 'f', 1, 64) },
}).Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="2">
<title>Headrace file server</title>
<style>
body{font:16px/1.5 system-ui,sans-serif;margin:2em auto;max-width:60em;padding:0 1em;color:#222}
table{border-collapse:collapse;width:100%}
th,td{text-align:right;padding:.3em .7em;border-bottom:1px solid #ddd}
th:first-child,td:first-child{text-align:left}
.big{display:flex;flex-wrap:wrap;gap:1em;margin:1em 0}
.big div{background:#f2f5f8;border-radius:.5em;padding:.7em 1.2em}
.big b{display:block;font-size:1.5em}
</style></head><body>
<h1>Headrace file server</h1>
<p>{{.Decision}} &middot; up {{round .Runtime.Uptime}}</p>
<div class="big">
<div><b>{{.Runtime.Backend}}</b>backend</div>
<div><b>{{len .Runtime.Loops}}</b>loops</div>
<div><b>{{.Total.Conns}}</b>connections</div>
<div><b>{{.Requests}}</b>requests</div>
<div><b>{{mib .Total.Engine.BytesOut}}</b>MiB sent</div>
<div><b>{{printf "%.2f" .PerRequest}}</b>enters per request</div>
</div>
<table><tr><th>loop</th><th>connections</th><th>accepted</th><th>turns</th><th>enters</th><th>completions</th>
<th>MiB in</th><th>MiB out</th><th>no buffers</th><th>failed</th></tr>
{{range .Runtime.Loops}}<tr><td>{{.Loop}}</td><td>{{.Conns}}</td><td>{{.Accepted}}</td><td>{{.Turns}}</td>
<td>{{.Engine.Enters}}</td><td>{{.Engine.Completed}}</td>
<td>{{mib .Engine.BytesIn}}</td><td>{{mib .Engine.BytesOut}}</td>
<td>{{.Engine.NoBuffers}}</td><td>{{.Failed}}</td></tr>
{{end}}</table>
<p><a href="/_stats?json">the same as JSON</a> &middot; <a href="/">files</a></p>
</body></html>
`))
