//! `roadstead check-config`.

use std::fmt::Write as _;

use crate::cli::CheckConfigArgs;
use crate::config::{self, Loaded};

/// The settings in effect as TOML, with the origin of each, or the commented defaults. The error lists all problems.
pub(crate) fn run(args: &CheckConfigArgs) -> anyhow::Result<String> {
    if args.defaults {
        return Ok(config::DEFAULTS.to_owned());
    }
    Ok(report(&config::load(&args.serve.to_flags())?))
}

fn report(loaded: &Loaded) -> String {
    let mut text = String::from(
        "# The settings in effect. A comment names the origin of a value that is not a default.\n",
    );
    if loaded.config.admin_password.is_some() {
        _ = writeln!(
            text,
            "# ROADSTEAD_ADMIN_PASSWORD is set; the first start will use it."
        );
    }
    text.push('\n');
    text.push_str(&loaded.settings.to_toml());
    text
}
