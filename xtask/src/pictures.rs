//! `cargo xtask pictures`: the journeys through the console, and those of their pictures that documents show.

use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::{test, tools, workspace};

/// What a picture is called among the tests' own, and in `docs/images`.
const SHOWN: [(&str, &str); 3] = [
    ("accounts-account-light", "console-overview"),
    ("artifact", "console-artifact"),
    ("retention-preview", "console-retention"),
];
const TIME_LIMIT: Duration = Duration::from_mins(10);

/// Takes the pictures anew.
pub(crate) async fn run() -> anyhow::Result<()> {
    tools::for_engines().await?;
    tools::for_browser().await?;
    let passed = test::run_one(None, "browser::", &[], TIME_LIMIT).await?;
    ensure!(passed, "a journey did not arrive: no picture was replaced");
    let taken = workspace::root().join("target/screenshots");
    let images = workspace::root().join("docs/images");
    std::fs::create_dir_all(&images)?;
    for (from, to) in SHOWN {
        let from = taken.join(format!("{from}.png"));
        let to = images.join(format!("{to}.png"));
        std::fs::copy(&from, &to).with_context(|| format!("there is no {}", from.display()))?;
        println!("{}", to.display());
    }
    println!("all pictures: {}", taken.display());
    Ok(())
}
