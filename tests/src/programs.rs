//! What containers of the tests run: Debian's nginx, redis and bash, as they are.

use std::net::IpAddr;

/// What the tests' containers run.
pub const PROGRAMS: &[&str] = &["nginx", "redis-server", "redis-cli", "bash"];

/// A shell command that writes nginx's configuration and becomes nginx.
#[must_use]
pub fn nginx() -> [&'static str; 3] {
    [
        "sh",
        "-c",
        "echo 'daemon off; pid /tmp/nginx.pid; events {} http { access_log off; server { \
         listen 80; listen [::]:80; location / { return 200 \"$remote_addr\\n\"; } } }' > /tmp/nginx.conf \
         && exec nginx -c /tmp/nginx.conf -e /dev/null",
    ]
}

/// A redis on all addresses of both families.
#[must_use]
pub fn redis() -> [&'static str; 7] {
    ["redis-server", "--bind", "0.0.0.0 ::", "--protected-mode", "no", "--save", ""]
}

/// A shell command that prints the container's own addresses in one line, and in the next what
/// the HTTP server says, which may still be starting.
#[must_use]
pub fn fetch(from: IpAddr, port: u16) -> [String; 3] {
    let script = format!(
        "hostname -I; for i in {{1..100}}; do exec 3<>/dev/tcp/{from}/{port} && break; sleep 0.1; done 2>/dev/null; \
         printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; tail -n 1 <&3"
    );
    ["bash".into(), "-c".into(), script]
}

/// Whether the server saw one of the addresses that the client of [`fetch`] has.
#[must_use]
pub fn source_was_kept(printed: &str) -> bool {
    let mut lines = printed.lines();
    let own: Vec<&str> = lines.next().unwrap_or_default().split_whitespace().collect();
    lines.next().is_some_and(|seen| own.contains(&seen.trim()))
}

/// Asks a redis for the address that it sees; it may still be starting.
#[must_use]
pub fn redis_client(server: IpAddr) -> [String; 3] {
    let ask = format!("redis-cli -h {server} client info");
    let script =
        format!("hostname -I; for i in {{1..100}}; do {ask} && break; sleep 0.1; done 2>/dev/null");
    ["bash".into(), "-c".into(), script]
}

/// The address of the client that redis printed.
#[must_use]
pub fn seen_by_redis(printed: &str) -> Option<IpAddr> {
    let words = printed.split_whitespace();
    let socket = words.filter_map(|word| word.strip_prefix("addr=")).next()?;
    socket.parse().map(|socket: std::net::SocketAddr| socket.ip()).ok()
}
