package scenario

// Target is something the project set out to reach, checked against every run that has the rows.
type Target struct {
	Text string
	Ours string // the peer that it is about
	// Against is the peer it is compared with; BestGo stands for the best Go peer of the row.
	Against string
	Rows    []string // keys
	Metric  string
	Limit   float64 // of ours divided by theirs; for AtLeast a lower bound
	AtLeast bool
	// Base, when set, is the key of the row by which each value is first divided: a target about how
	// much something grows or holds.
	Base string
}

// BestGo stands for whichever Go peer is best in a row; Self for the same peer, in row Base.
const (
	BestGo = "best Go peer"
	Self   = "itself"
)

// Targets are the project's, for one core and medians of interleaved rounds.
func Targets() []Target {
	small := []string{"echo/64 B × 100", "echo/64 B × 1000", "echo/1 KiB × 100", "echo/1 KiB × 1000"}
	large := []string{"echo/16 KiB × 100", "echo/16 KiB × 1000"}
	pipelined := []string{"pipeline/64 B ×32 × 100", "pipeline/1 KiB ×32 × 100"}
	files := []string{"static/4 KiB × 64", "static/64 KiB × 64", "static/1 MiB × 64"}
	largeFiles := []string{"static/64 MiB × 4"}
	proxied := []string{"proxy/64 B × 100", "proxy/1 KiB × 100", "proxy/16 KiB × 100"}
	bulk := []string{"proxy/64 MiB × 4"}
	fewHTTP := []string{"hello/HTTP × 1", "hello/HTTP × 8", "hello/HTTP × 1, two cores", "hello/HTTP × 8, two cores"}
	return []Target{
		{Text: "small echo, against the floor", Ours: "headrace", Against: "floor-liburing",
			Rows: small, Metric: CPUPerOp, Limit: 1.05},
		{Text: "small echo", Ours: "headrace", Against: BestGo, Rows: small, Metric: CPUPerOp, Limit: 0.75},
		{Text: "small echo", Ours: "headrace", Against: "std",
			Rows: []string{"echo/64 B × 100"}, Metric: CPUPerOp, Limit: 0.78},
		{Text: "fiber", Ours: "headrace-fiber", Against: "headrace",
			Rows: []string{"echo/64 B × 100"}, Metric: CPUPerOp, Limit: 1.08},
		{Text: "small echo, epoll", Ours: "headrace-epoll", Against: "gnet",
			Rows: []string{"echo/64 B × 100"}, Metric: CPUPerOp, Limit: 1},
		{Text: "small echo, portable", Ours: "headrace-portable", Against: "std",
			Rows: []string{"echo/64 B × 100"}, Metric: CPUPerOp, Limit: 1.25},
		{Text: "16 KiB echo, against the floor", Ours: "headrace", Against: "floor-epoll",
			Rows: large, Metric: CPUPerOp, Limit: 1.10},
		{Text: "16 KiB echo", Ours: "headrace", Against: BestGo, Rows: large, Metric: CPUPerOp, Limit: 0.90},
		{Text: "pipelined echo", Ours: "headrace", Against: BestGo, Rows: pipelined, Metric: CPUPerOp, Limit: 0.80},
		{Text: "10000 connections keep the throughput of 100", Ours: "headrace", Against: Self,
			Rows: []string{"echo/64 B × 10000"}, Base: "echo/64 B × 100",
			Metric: Throughput, Limit: 0.85, AtLeast: true},
		{Text: "fasthttp on fibers", Ours: "headrace-fasthttp", Against: "fasthttp",
			Rows: []string{"hello/HTTP × 64", "hello/HTTP × 256"}, Metric: CPUPerOp, Limit: 0.85},
		{Text: "net/http on stdnet, many connections", Ours: "headrace-stdnet", Against: "std",
			Rows: []string{"hello/HTTP × 64", "hello/HTTP × 256"}, Metric: CPUPerOp, Limit: 0.85},
		{Text: "net/http on stdnet, many connections", Ours: "headrace-stdnet", Against: "std",
			Rows:   []string{"hello/HTTP × 64, two cores", "hello/HTTP × 256, two cores"},
			Metric: CPUPerOp, Limit: 0.90},
		{Text: "net/http on stdnet, few connections", Ours: "headrace-stdnet", Against: "std",
			Rows: fewHTTP, Metric: CPUPerOp, Limit: 1.05},
		{Text: "net/http on stdnet, few connections", Ours: "headrace-stdnet", Against: "std",
			Rows: fewHTTP, Metric: Throughput, Limit: 0.95, AtLeast: true},
		{Text: "idle net/http connections on stdnet", Ours: "headrace-stdnet", Against: "std",
			Rows: []string{"idle/HTTP, 10000 connections"}, Metric: Memory, Limit: 1},
		{Text: "median latency of one connection", Ours: "headrace", Against: BestGo,
			Rows: []string{"echo/64 B × 1"}, Metric: MedianLatency, Limit: 1},
		{Text: "growth from one core to two", Ours: "headrace", Against: BestGo,
			Rows: []string{"loops/64 B × 100, cores: 2"}, Base: "loops/64 B × 100, cores: 1",
			Metric: Throughput, Limit: 1, AtLeast: true},
		{Text: "connection churn", Ours: "headrace", Against: BestGo,
			Rows: []string{"churn/64 B × 100"}, Metric: CPUPerOp, Limit: 0.90},
		{Text: "files over HTTP", Ours: "headrace", Against: "nginx", Rows: files, Metric: CPUPerOp, Limit: 1},
		{Text: "files over HTTP", Ours: "headrace", Against: "std", Rows: files, Metric: CPUPerOp, Limit: 0.60},
		{Text: "large files", Ours: "headrace", Against: "nginx", Rows: largeFiles, Metric: CPUPerGbit, Limit: 1},
		{Text: "large files", Ours: "headrace", Against: "std", Rows: largeFiles, Metric: CPUPerGbit, Limit: 0.60},
		{Text: "HTTPS, kept connections", Ours: "headrace", Against: "std",
			Rows: []string{"https/4 KiB × 64"}, Metric: CPUPerOp, Limit: 0.90},
		{Text: "HTTPS, bulk and handshakes", Ours: "headrace", Against: "std",
			Rows: []string{"https/1 MiB × 64", "https/4 KiB, a handshake each × 16"}, Metric: CPUPerOp, Limit: 1},
		{Text: "proxy", Ours: "headrace", Against: "haproxy", Rows: proxied, Metric: CPUPerOp, Limit: 0.80},
		{Text: "proxy", Ours: "headrace", Against: "std", Rows: proxied, Metric: CPUPerOp, Limit: 0.70},
		{Text: "bulk through the proxy", Ours: "headrace", Against: "haproxy", Rows: bulk, Metric: CPUPerGbit, Limit: 1},
		{Text: "bulk through the proxy", Ours: "headrace", Against: "std", Rows: bulk, Metric: CPUPerGbit, Limit: 1},
		{Text: "UDP echo", Ours: "headrace", Against: "std",
			Rows: []string{"udp/64 B ×16 × 32"}, Metric: CPUPerOp, Limit: 0.80},
		{Text: "UDP echo", Ours: "headrace", Against: "gnet",
			Rows: []string{"udp/64 B ×16 × 32"}, Metric: CPUPerOp, Limit: 0.90},
		{Text: "1 GiB to disk", Ours: "headrace", Against: "std",
			Rows: []string{"upload/1 GiB × 1"}, Metric: CPUPerGbit, Limit: 1},
	}
}
