//! The programs of PostgreSQL, and data directories made with them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::{User, as_user, output_of};
use crate::{Error, place};

/// Where Debian puts one directory per major version.
const VERSIONS: &str = "/usr/lib/postgresql";
/// Of servers that live for a test, on loopback.
pub(super) const TEMPLATE_PASSWORD: &str = "for-tests-only";

/// One version of PostgreSQL on this machine.
pub(super) struct Installation {
    programs: PathBuf,
    /// Whom its programs run as: root is refused by them. `None` is ourselves.
    pub(super) user: Option<User>,
}

impl Installation {
    /// The version that made `data`; the newest, if nobody has.
    pub(super) fn find(data: &Path) -> Result<Self, Error> {
        let made_by = std::fs::read_to_string(data.join("PG_VERSION")).ok();
        let mut versions: Vec<u32> = std::fs::read_dir(VERSIONS)
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(|version| programs(*version).join("initdb").exists())
            .collect();
        versions.sort_unstable();
        if let Some(made_by) = made_by {
            versions.retain(|version| version.to_string() == made_by.trim());
        }
        let Some(version) = versions.last() else {
            return Err(Error::new(format!(
                "there is no PostgreSQL in {VERSIONS}; as root, run: apt-get install --no-install-recommends postgresql-15"
            )));
        };
        let user = if rustix::process::geteuid().is_root() {
            let user = User::named("postgres").ok_or_else(|| {
                Error::new("there is no user postgres; Debian's package postgresql-15 makes it")
            })?;
            Some(user)
        } else {
            None
        };
        Ok(Self {
            programs: programs(*version),
            user,
        })
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// Gives a file or an (empty) directory to the user whom the server runs as.
    pub(super) fn own(&self, path: &Path) -> Result<(), Error> {
        let Some(User { id, group }) = self.user else {
            return Ok(());
        };
        std::os::unix::fs::chown(path, Some(id), Some(group))
            .map_err(Error::at("give to user postgres", path))
    }

    /// Makes `data` in a directory; takes 1.6 s.
    pub(super) fn initialize(&self, directory: &Path, password: &str) -> Result<(), Error> {
        let file = directory.join("initial-password");
        std::fs::write(&file, password).map_err(Error::at("write", &file))?;
        self.own(&file)?;
        let mut command = as_user(&self.program("initdb"), self.user, None);
        command
            .arg("-D")
            .arg(directory.join("data"))
            .args([
                "-A",
                "scram-sha-256",
                "--auth-local=trust",
                "-U",
                "postgres",
            ])
            .arg(format!("--pwfile={}", file.display()))
            .args(["--no-sync", "-E", "UTF8", "--locale=C.UTF-8"])
            .current_dir(directory);
        output_of(&mut command)?;
        std::fs::remove_file(&file).map_err(Error::at("remove", &file))
    }

    /// Makes `data` in a directory by copying that of a running server, which it is to follow.
    pub(super) fn copy_running(
        &self,
        directory: &Path,
        socket_directory: &Path,
        port: u16,
    ) -> Result<(), Error> {
        let mut command = as_user(&self.program("pg_basebackup"), self.user, None);
        command
            .arg("-D")
            .arg(directory.join("data"))
            .args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync"])
            .arg(format!("--host={}", socket_directory.display()))
            .arg(format!("--port={port}"))
            .arg("--username=postgres")
            .current_dir(directory);
        output_of(&mut command).map(drop)
    }

    /// Makes `data` in a directory by copying one that was made before, for this version.
    pub(super) fn copy_template(&self, directory: &Path) -> Result<(), Error> {
        let version = output_of(Command::new(self.program("postgres")).arg("--version"))?;
        let name = version.replace(|c: char| !c.is_ascii_alphanumeric() && c != '.', "-");
        let templates = place::subdirectory("templates")?;
        let template = templates.join(name.trim_matches('-'));
        let guard = place::lock(&templates.join("lock"))?;
        if !template.exists() {
            let part = templates.join("part");
            if part.exists() {
                std::fs::remove_dir_all(&part).map_err(Error::at("remove", &part))?;
            }
            std::fs::create_dir(&part).map_err(Error::at("make", &part))?;
            self.own(&part)?;
            self.initialize(&part, TEMPLATE_PASSWORD)?;
            std::fs::rename(&part, &template).map_err(Error::at("make", &template))?;
        }
        drop(guard);
        let mut copy = Command::new("cp");
        copy.args(["--archive", "--reflink=auto", "--"])
            .arg(template.join("data"))
            .arg(directory.join("data"));
        output_of(&mut copy).map(drop)
    }
}

fn programs(version: u32) -> PathBuf {
    Path::new(VERSIONS).join(version.to_string()).join("bin")
}
