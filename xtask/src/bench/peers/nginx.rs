//! nginx with the same bytes as static files: how fast this machine serves at all.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use anyhow::Result;

use super::{Launch, Setup};
use crate::bench::content::MANIFEST;

/// The directory under the peer's own that is served.
pub(crate) const FILES: &str = "files";

pub(crate) fn setup(launch: &Launch<'_>, plain: SocketAddr, tls: SocketAddr) -> Result<Setup> {
    let dir = launch.dir.display();
    fs::create_dir_all(launch.dir.join(FILES))?;
    let config = launch.dir.join("nginx.conf");
    let text = format!(
        "daemon off;
user root;
worker_processes 2;
pid {dir}/nginx.pid;
error_log {dir}/error.log crit;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  open_file_cache max=1000 inactive=600s;
  open_file_cache_valid 600s;
  default_type application/octet-stream;
  client_body_temp_path {dir}/t1;
  proxy_temp_path {dir}/t2;
  fastcgi_temp_path {dir}/t3;
  uwsgi_temp_path {dir}/t4;
  scgi_temp_path {dir}/t5;
  server {{
    listen {plain} backlog=1024;
    listen {tls} ssl http2;
    ssl_protocols TLSv1.3;
    ssl_certificate {};
    ssl_certificate_key {};
    root {dir}/{FILES};
    location /v2/library/bench/manifests/ {{ default_type {MANIFEST}; }}
  }}
}}
",
        launch.certificate.chain.display(),
        launch.certificate.key.display(),
    );
    fs::write(&config, text)?;
    let mut command = Command::new("nginx");
    command
        .arg("-p")
        .arg(&launch.dir)
        .arg("-c")
        .arg(&config)
        .arg("-e")
        .arg("stderr");
    Ok(Setup {
        command,
        plain,
        tls,
        credentials: None,
    })
}
