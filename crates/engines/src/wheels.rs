//! Python wheels, pinned by version and hash in `requirements.txt`, in a virtual environment: some carry programs that
//! Debian does not have, such as the S3 store.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::output_of;
use crate::{Error, place};

const REQUIREMENTS: &str = include_str!("../requirements.txt");
const REQUIREMENTS_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/requirements.txt");

/// The virtual environment `target/tools/python`.
#[derive(Clone, Debug)]
pub struct Wheels(PathBuf);

impl Wheels {
    /// The environment, if it is there with exactly these requirements.
    pub fn find() -> Option<Self> {
        let environment = tools().join("python");
        let installed = std::fs::read_to_string(environment.join("requirements.txt"));
        (installed.ok()? == REQUIREMENTS).then_some(Self(environment))
    }

    /// Makes the environment if it is not there; takes half a minute then. Needs Debian's `python3-venv` and a network.
    pub fn install() -> Result<Self, Error> {
        if let Some(wheels) = Self::find() {
            return Ok(wheels);
        }
        let tools = tools();
        std::fs::create_dir_all(&tools).map_err(Error::at("make", &tools))?;
        let _guard = place::lock(&tools.join("python.lock"))?;
        // Another process may have made it while we waited.
        if let Some(wheels) = Self::find() {
            return Ok(wheels);
        }
        eprintln!("installing the pinned wheels (once)");
        let wheels = Self(tools.join("python"));
        wheels.make().map_err(|error| {
            Error::new(format!(
                "the wheels of {REQUIREMENTS_FILE} cannot be installed: {error}; with a network and Debian's package \
                 python3-venv, `cargo xtask test` installs them"
            ))
        })?;
        Ok(wheels)
    }

    fn make(&self) -> Result<(), Error> {
        let Self(environment) = self;
        // Debian's own Python: another one first on PATH may be of a version without pinned wheels.
        let mut venv = Command::new("/usr/bin/python3");
        output_of(venv.args(["-m", "venv", "--clear"]).arg(environment))?;
        let mut pip = Command::new(self.program("pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check"])
            .args(["--only-binary", ":all:", "--require-hashes"])
            .args(["--requirement", REQUIREMENTS_FILE]);
        output_of(&mut pip)?;
        // Written last, so that an interrupted installation is done again.
        let installed = environment.join("requirements.txt");
        std::fs::write(&installed, REQUIREMENTS).map_err(Error::at("write", &installed))
    }

    /// A file among those of a library, such as a program that stands beside its Python.
    pub fn library(&self, path: &str) -> Result<PathBuf, Error> {
        let libraries = self.0.join("lib");
        let versions = std::fs::read_dir(&libraries).map_err(Error::at("read", &libraries))?;
        let files = versions
            .flatten()
            .map(|version| version.path().join("site-packages").join(path));
        let found = files.into_iter().find(|file| file.exists());
        found.ok_or_else(|| Error::new(format!("none of the wheels brought {path}")))
    }

    /// A program that one of the wheels brought.
    pub fn program(&self, name: &str) -> PathBuf {
        self.0.join("bin").join(name)
    }
}

/// Everything that is fetched or made for the tests.
fn tools() -> PathBuf {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let root = crates.and_then(Path::parent).unwrap_or(Path::new("."));
    root.join("target/tools")
}
