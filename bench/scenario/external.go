package scenario

import (
	"strings"

	"github.com/headrace/headrace/bench/harness"
)

// nginx: one worker, everything that costs and is not needed switched off, as its own advice for
// static files goes.
func nginx() Peer {
	args := []string{"nginx", "-p", "{tmp}", "-c", "{config}", "-e", "stderr"}
	return Peer{Name: "nginx", About: "C, epoll", Program: "nginx", Version: "nginx -v",
		Commands: map[string]harness.Command{
			ServeStatic: {Args: args, Config: nginxConfig},
			ServeHTTPS:  {Args: args, Config: nginxTLSConfig},
			ServeHello:  {Args: args, Config: nginxConfig},
			ServeUpload: {Args: args, Config: nginxConfig},
		}}
}

const nginxConfig = `
daemon off;
user root;
pid {tmp}/nginx.pid;
error_log stderr crit;
worker_processes {loops};
worker_rlimit_nofile 65536;
events { worker_connections 16384; use epoll; }
http {
	access_log off;
	sendfile on;
	tcp_nopush on;
	tcp_nodelay on;
	keepalive_timeout 600s;
	keepalive_requests 1000000000;
	open_file_cache max=100 inactive=600s;
	open_file_cache_valid 600s;
	client_body_temp_path {tmp}/body;
	client_max_body_size 0;
	client_body_buffer_size 64k;
	proxy_temp_path {tmp}/proxy;
	fastcgi_temp_path {tmp}/fastcgi;
	uwsgi_temp_path {tmp}/uwsgi;
	scgi_temp_path {tmp}/scgi;
	default_type application/octet-stream;
	server {
		listen {addr};
		root {root};
		location = / { default_type text/plain; return 200 "Hello, World!\n"; }
		location /upload- { root {dir}; dav_methods PUT; create_full_put_path on; }
	}
}
`

// nginxTLSConfig is the same server with a certificate.
var nginxTLSConfig = strings.Replace(nginxConfig, "listen {addr};",
	"listen {addr} ssl; ssl_certificate {cert}; ssl_certificate_key {key}; ssl_protocols TLSv1.3;", 1)

// haproxy in TCP mode, one thread for each core. Left to its own judgement it does not splice any of the rows:
// from the size on from which that is cheaper it is told to.
func haproxy() Peer {
	serve := func(config string) map[string]harness.Command {
		return map[string]harness.Command{ServeProxy: {Args: []string{"haproxy", "-db", "-f", "{config}"}, Config: config}}
	}
	return Peer{Name: "haproxy", About: "C, epoll; splice-auto, from 16 KiB on splicing both ways",
		Program: "haproxy", Version: "haproxy -v", Commands: serve(haproxyConfig), Large: serve(haproxySplicing)}
}

var haproxySplicing = strings.NewReplacer("maxconn 2000", "maxconn 2000\n	tune.pipesize 1048576",
	"option splice-auto", "option splice-request\n	option splice-response").Replace(haproxyConfig)

const haproxyConfig = `
global
	nbthread {loops}
	maxconn 2000
defaults
	mode tcp
	timeout connect 10s
	timeout client 600s
	timeout server 600s
	option splice-auto
frontend in
	bind {addr}
	default_backend out
backend out
	server one {to}
`
