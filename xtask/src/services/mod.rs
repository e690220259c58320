//! `cargo xtask services`: what the registry runs on in production, and what it is compared with, started for development
//! on loopback. Everything they write is under `target/services/`; it is there again after `stop` and `start`.

mod kept;
mod peers;
mod production;
mod replicas;

use clap::ValueEnum;

use crate::tools;
use production::Production;

/// What to do with them.
#[derive(clap::Args)]
pub(crate) struct Args {
    action: Action,
    /// With start: also build the registry, and run so many of it behind HAProxy
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=16))]
    replicas: u16,
    /// With start: also the servers that ours is compared with
    #[arg(long)]
    peers: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Action {
    /// Start PostgreSQL and the S3 store, if they do not run
    Start,
    /// End everything that was started
    Stop,
    /// Say what runs
    Status,
}

/// Starts, stops or describes the services.
pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    match args.action {
        Action::Start => start(args).await,
        Action::Stop => {
            // What stands on others first.
            let mut all = replicas::all();
            all.extend(production::all());
            all.extend(peers::all());
            for service in all {
                if service.stop().await? {
                    println!("{}: stopped", service.name);
                }
            }
            Ok(())
        }
        Action::Status => {
            let mut is_idle = true;
            for service in [production::all(), replicas::all(), peers::all()].concat() {
                if let Some(pid) = service.running() {
                    println!(
                        "{}: running as process {}",
                        service.name,
                        pid.as_raw_nonzero()
                    );
                    is_idle = false;
                }
            }
            if is_idle {
                println!("nothing runs; `cargo xtask services start` starts it");
            }
            Ok(())
        }
    }
}

async fn start(args: &Args) -> anyhow::Result<()> {
    tools::for_engines().await?;
    if args.peers {
        tools::debian_packages(tools::BENCH_PEERS).await?;
        peers::start().await?;
    }
    let production = Production::start().await?;
    if args.replicas == 0 {
        production.explain();
        return Ok(());
    }
    let count = usize::from(args.replicas);
    replicas::start(&production, count).await
}
