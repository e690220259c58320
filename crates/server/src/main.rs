//! The `roadstead` program: reads the command line and hands over.

mod admin;
mod admin_socket;
mod backup;
mod banner;
mod blob_store;
mod check_config;
mod cli;
mod clocks;
mod config;
mod data_dir;
mod doctor;
mod logging;
mod manual;
mod migrate;
mod observed;
mod presence;
mod restore;
mod serve;
mod system;
mod target;
mod text;
mod upkeep;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;

use cli::{AdminArgs, AdminCommand, Cli, Command, ServeArgs};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error may be closed; the exit code still tells.
            _ = writeln!(std::io::stderr(), "roadstead: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve(args) => run_serve(&args),
        Command::CheckConfig(args) => print(check_config::run(&args)?.as_bytes()),
        Command::Doctor(args) => doctor::run(&args),
        Command::Migrate(args) => {
            let config = config::load(&args.to_flags())?.config;
            print(migrate::run(&config)?.as_bytes())
        }
        Command::Admin(args) => run_admin(args),
        Command::Backup(args) => backup::run(&args),
        Command::Restore(args) => restore::run(&args),
        Command::Gc(args) => upkeep::run_gc(&args),
        Command::Fsck(args) => upkeep::run_fsck(&args),
        Command::Scrub(args) => upkeep::run_scrub(&args),
        Command::Completions { shell } => print(&manual::completions(shell)),
        Command::Man { dir: Some(dir) } => manual::write_pages(&dir),
        Command::Man { dir: None } => print(&manual::page()?),
        Command::Version => print(version().as_bytes()),
    }
}

fn run_serve(args: &ServeArgs) -> anyhow::Result<()> {
    let config = config::load(&args.to_flags())?.config;
    let _log = logging::start(&config.log, &config.traces)?;
    serve::run(&config)
}

fn run_admin(args: AdminArgs) -> anyhow::Result<()> {
    let config = config::load(&args.config.to_flags())?.config;
    let mut command = args.command;
    command.read_password(std::io::stdin().lock())?;
    if args.account != services::DEFAULT_ACCOUNT {
        command = AdminCommand::InAccount(args.account, Box::new(command));
    }
    admin::run(command, args.json, &config)
}

fn version() -> String {
    format!(
        "roadstead {}\nSQLite {}\n",
        cli::VERSION,
        metadata::sqlite_version()
    )
}

/// Prints to standard output. A reader that has seen enough (`| head`) is no error.
fn print(text: &[u8]) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output"),
    }
}
