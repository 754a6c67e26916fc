module github.com/headrace/headrace/bench

go 1.25.0

replace github.com/headrace/headrace => ../

require (
	github.com/HdrHistogram/hdrhistogram-go v1.4.0
	github.com/brickingsoft/rio v1.1.0
	github.com/cloudwego/netpoll v0.7.2
	github.com/headrace/headrace v0.0.0-00010101000000-000000000000
	github.com/iceber/iouring-go v0.0.0-20230403020409-002cfd2e2a90
	github.com/lesismal/nbio v1.6.4
	github.com/panjf2000/gnet/v2 v2.9.0
	github.com/stretchr/testify v1.12.1
	github.com/tidwall/evio v1.0.8
	github.com/valyala/fasthttp v1.72.0
	github.com/xtaci/gaio v1.2.21
	golang.org/x/sys v0.47.0
)

require (
	github.com/andybalholm/brotli v1.2.1 // indirect
	github.com/bytedance/gopkg v0.1.1 // indirect
	github.com/cloudwego/gopkg v0.1.4 // indirect
	github.com/kavu/go_reuseport v1.5.0 // indirect
	github.com/klauspost/compress v1.18.6 // indirect
	github.com/panjf2000/ants/v2 v2.11.3 // indirect
	github.com/valyala/bytebufferpool v1.0.0 // indirect
	go.uber.org/multierr v1.11.0 // indirect
	go.uber.org/zap v1.27.0 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/net v0.56.0 // indirect
	golang.org/x/sync v0.11.0 // indirect
	gopkg.in/natefinch/lumberjack.v2 v2.2.1 // indirect
)
