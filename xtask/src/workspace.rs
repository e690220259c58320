//! Where things are, and how cargo is called.

use std::path::{Path, PathBuf};

use tokio::process::Command;

/// The root of the checkout.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
}

/// Everything downloaded or made for the tests; kept between runs.
pub(crate) fn tools_dir() -> PathBuf {
    root().join("target/tools")
}

/// The program `cargo`, run at the root, without the variables that `cargo run` gave to us:
/// some build scripts would take them for a change and build again.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root());
    for name in [
        "CARGO_MANIFEST_DIR",
        "CARGO_MANIFEST_PATH",
        "CARGO_PKG_NAME",
        "CARGO_PKG_VERSION",
    ] {
        command.env_remove(name);
    }
    command
}
