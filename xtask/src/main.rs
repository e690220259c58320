//! The everyday commands, as `cargo xtask NAME`. Nothing needs to be installed first.

mod bench;
mod check;
mod pictures;
mod process;
mod scale;
mod services;
mod soak;
mod test;
mod tools;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Roadstead's everyday commands"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Format, lints, tidy rules, licences and dependencies
    Check,
    /// Install what is missing, build, and run every test; or only the stages named
    Test(test::Args),
    /// Run one long test with its full counts; continues where it stopped
    Soak(soak::Args),
    /// Measure the registry beside others, and write the table in docs
    Bench(bench::Args),
    /// Make a large registry in a directory, to try things on
    Seed(scale::SeedArgs),
    /// Take the pictures of the console that documents show
    Pictures,
    /// Start and stop the servers used beside ours in development
    Services(services::Args),
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    match command {
        Command::Check => runtime.block_on(check::run()),
        Command::Test(args) => runtime.block_on(test::run(&args)),
        Command::Soak(args) => runtime.block_on(soak::run(&args)),
        Command::Bench(args) => {
            runtime.block_on(tools::debian_packages(tools::BENCH_PEERS))?;
            runtime.block_on(tools::for_engines())?;
            bench::run(args)
        }
        Command::Seed(args) => scale::seed(&args),
        Command::Pictures => runtime.block_on(pictures::run()),
        Command::Services(args) => runtime.block_on(services::run(&args)),
    }
}
