//! The data directory, and that of the blobs: there, ours alone, local, with room.

use super::report::Report;
use crate::clocks;
use crate::config::Config;
use crate::data_dir::DataDir;
use blobs::disk::{Suitability, suitability_of};
use rustix::fs::{Access, StatVfs, access, statvfs};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

const CHECK: &str = "data directory";
const SPACE: &str = "free space";
const GIB: u64 = 1024 * 1024 * 1024;
/// Less than this beyond the reserve is worth a look.
const LITTLE: u64 = 10 * GIB;
/// One file in so many may be left before it is worth a look.
const FEW_FILES: u64 = 100;

pub(super) fn examine(config: &Config, is_running: bool, report: &mut Report) {
    let path = &config.data_dir;
    if !path.exists() {
        let nearest = path.ancestors().find(|parent| parent.exists());
        let parent = nearest.unwrap_or(Path::new("."));
        if may_write(parent) {
            let detail = format!("{} is not there; the first start makes it", path.display());
            report.good(CHECK, detail);
        } else {
            let detail = format!("[data_dir] {} is not there", path.display());
            let remedy = format!("make it, or let us write to {}", parent.display());
            report.failed(CHECK, detail, remedy);
        }
        return;
    }
    access_rights(path, report);
    let holds_data = config.database.postgres.is_none() || config.s3.bucket.is_none();
    file_system(CHECK, path, holds_data, report);
    set_back_clock(path, report);
    let state = if is_running {
        "a registry runs on it"
    } else if DataDir::exists(config) {
        "no registry runs on it now"
    } else {
        "no registry has begun there yet"
    };
    report.good(CHECK, format!("{}: {state}", path.display()));
    if config.s3.bucket.is_none() {
        let blobs = &config.storage.directory;
        if blobs != path && blobs.exists() {
            file_system("blob directory", blobs, true, report);
        }
        let place = if blobs.exists() { blobs } else { path };
        space(config, place, report);
    } else if config.database.postgres.is_none() {
        space(config, path, report);
    }
}

fn may_write(path: &Path) -> bool {
    access(path, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

fn access_rights(path: &Path, report: &mut Report) {
    let shown = path.display();
    if !path.is_dir() {
        let detail = format!("[data_dir] {shown} is not a directory");
        report.failed(CHECK, detail, "name another one");
        return;
    }
    if !may_write(path) {
        report.failed(
            CHECK,
            format!("[data_dir] {shown} cannot be written to by this user"),
            "give it to the user that the registry runs as, with mode 0700",
        );
    }
    let mode = path
        .metadata()
        .map_or(0, |metadata| metadata.mode() & 0o777);
    if mode & 0o077 != 0 {
        report.doubtful(
            CHECK,
            format!("[data_dir] {shown} is open to other users (mode {mode:04o})"),
            format!("chmod 700 {shown}"),
        );
    }
}

fn file_system(check: &'static str, path: &Path, holds_data: bool, report: &mut Report) {
    let shown = path.display();
    match suitability_of(path) {
        Ok(Suitability::Local) => {}
        Ok(Suitability::Doubtful(what)) => {
            let remedy = "prefer a file system on a local disk";
            report.doubtful(check, format!("{shown} lies on {what}"), remedy);
        }
        Ok(Suitability::Network(name)) => {
            let detail = format!("{shown} lies on a network file system ({name})");
            let remedy =
                "use a local disk; for records and blobs elsewhere, PostgreSQL and an S3 store";
            if holds_data {
                report.failed(check, detail, remedy);
            } else {
                report.doubtful(check, detail, "use a local disk for lock and socket");
            }
        }
        Err(error) => report.failed(
            check,
            format!("{shown} cannot be looked at: {error}"),
            "see the disk, and its mount",
        ),
    }
}

/// Files that were written in the future.
fn set_back_clock(path: &Path, report: &mut Report) {
    let now_s = clocks::now_ms() / 1000;
    let newest_s = ["lock", "roadstead.db", "roadstead.db-wal", "admin.sock"]
        .iter()
        .filter_map(|name| Some(path.join(name).metadata().ok()?.mtime()))
        .max();
    let ahead_s = newest_s.map_or(0, |newest_s| newest_s - now_s);
    if ahead_s > clocks::LARGEST_MS / 1000 {
        report.doubtful(
            "clock",
            format!(
                "{} was written to {ahead_s} s in the future",
                path.display()
            ),
            "this machine's clock was set back: set it right, by NTP for example",
        );
    }
}

fn space(config: &Config, path: &Path, report: &mut Report) {
    let shown = path.display();
    let stat = match statvfs(path) {
        Ok(stat) => stat,
        Err(error) => {
            let detail = format!("of {shown} is not known: {error}");
            return report.failed(SPACE, detail, "see the disk, and its mount");
        }
    };
    let StatVfs {
        f_bavail,
        f_frsize,
        f_files,
        f_favail,
        ..
    } = stat;
    let free = f_bavail.saturating_mul(f_frsize);
    let reserve = config.limits.free_space_reserve_bytes;
    let figures = format!("{} MiB are free in {shown}", free >> 20);
    if free <= reserve {
        report.failed(
            SPACE,
            format!(
                "{figures}, and limits.free_space_reserve_bytes keeps {} MiB: uploads are refused",
                reserve >> 20
            ),
            "free some, enlarge the disk, or lower the reserve",
        );
    } else if free - reserve < LITTLE {
        let remedy = "enlarge the disk before it is full, and watch it";
        report.doubtful(SPACE, figures, remedy);
    } else if f_files > 0 && f_favail < f_files / FEW_FILES {
        let detail = format!("only {f_favail} more files fit in {shown}");
        report.doubtful(SPACE, detail, "make a file system with more inodes");
    } else {
        report.good(SPACE, figures);
    }
}
