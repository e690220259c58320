//! Where a client works: a directory of its own for everything it writes, and the prepared image.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use super::content::Content;
use super::roadstead::{PASSWORD, Roadstead, USER};

/// One client's directory. Nothing of the user's own configuration is read or changed.
pub(crate) struct Workbench {
    directory: TempDir,
}

impl Workbench {
    /// Needs root, because container engines mount; and the files that `cargo xtask test` makes.
    pub(crate) fn new() -> Self {
        assert!(
            rustix::process::geteuid().is_root(),
            "the real clients mount file systems: run their tests as root, or leave them out with \
             `cargo xtask test unit it fuzz-corpus`"
        );
        // Unix sockets live in it, and their names may have 107 bytes only.
        let directory = tempfile::Builder::new()
            .prefix("rs")
            .tempdir()
            .expect("a directory");
        let bench = Self { directory };
        for name in ["home/.config/containers", "run", "out"] {
            std::fs::create_dir_all(bench.path(name)).expect("the directory is ours");
        }
        let policy = r#"{"default":[{"type":"insecureAcceptAnything"}]}"#;
        bench.write("home/.config/containers/policy.json", policy);
        bench.write("auth.json", "{}");
        bench.write("registries.conf", "unqualified-search-registries = []\n");
        bench.write(
            "storage.conf",
            &format!(
                "[storage]\ndriver = \"overlay\"\ngraphroot = \"{}\"\nrunroot = \"{}\"\n",
                bench.path("images").display(),
                bench.path("run/storage").display(),
            ),
        );
        bench
    }

    /// A path in the directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.path(name);
        std::fs::write(&file, text).expect("the directory is ours");
        file
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// A program whose home, sockets, credentials and images are all in this directory.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .current_dir(self.path("out"))
            .env("HOME", self.path("home"))
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("REGISTRY_AUTH_FILE", self.path("auth.json"))
            .env("CONTAINERS_REGISTRIES_CONF", self.path("registries.conf"))
            .env("CONTAINERS_STORAGE_CONF", self.path("storage.conf"))
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("DOCKER_HOST")
            .env_remove("DOCKER_CONFIG");
        command
    }

    /// A command as it would be typed; a space always separates two arguments.
    pub(crate) fn typed(&self, line: &str) -> Command {
        let mut words = line.split_whitespace();
        let mut command = self.command(words.next().unwrap_or_default());
        command.args(words);
        command
    }

    /// What the registry holds under this name, fetched by skopeo byte for byte and hashed again.
    pub(crate) fn fetch(&self, registry: &Roadstead, name: &str) -> Content {
        let target = tempfile::tempdir_in(self.path("out")).expect("the directory is ours");
        let mut skopeo = self.typed("skopeo copy --quiet --src-tls-verify=false");
        skopeo
            .arg(format!("--src-creds={USER}:{PASSWORD}"))
            .arg(format!("docker://{}/{name}", registry.host))
            .arg(format!("dir:{}", target.path().display()));
        run(&mut skopeo);
        Content::of_dir(target.path())
    }
}

impl Drop for Workbench {
    /// podman and buildah leave their store mounted, and what is mounted cannot be removed.
    fn drop(&mut self) {
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let places = mounts.lines().filter_map(|line| line.split(' ').nth(1));
        let ours: Vec<&str> = places
            .filter(|place| Path::new(place).starts_with(self.directory.path()))
            .collect();
        // The last one mounted may lie on an earlier one.
        for place in ours.into_iter().rev() {
            if let Err(error) = Command::new("umount").arg(place).status() {
                eprintln!("cannot unmount {place}: {error}");
            }
        }
    }
}

/// Runs a command that must succeed; returns what it printed on standard output.
pub(crate) fn run(command: &mut Command) -> String {
    let output = output(command);
    let (printed, complaint) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success(),
        "{command:?}\n{}\n{printed}\n{complaint}",
        output.status
    );
    printed.into_owned()
}

/// Runs a command that must fail; returns its complaint.
pub(crate) fn run_in_vain(command: &mut Command) -> String {
    let output = output(command);
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        !output.status.success(),
        "{command:?} must not succeed\n{printed}"
    );
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn output(command: &mut Command) -> Output {
    let started = command.stdin(Stdio::null()).output();
    started.unwrap_or_else(|error| {
        panic!("{command:?}: {error}; `cargo xtask test clients` installs what is missing")
    })
}

/// Something that `cargo xtask test` makes under `target/tools/`.
pub(crate) fn tool(name: &str) -> PathBuf {
    // Not resolved further: a virtual environment's Python is known by the name it is called by.
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize();
    let file = root
        .expect("the checkout is where it was built")
        .join("target/tools")
        .join(name);
    assert!(
        file.exists(),
        "{} is missing: `cargo xtask test clients` makes it",
        file.display()
    );
    file
}

/// The Debian image as an OCI image layout, with the tag `debian`.
pub(crate) fn debian_layout() -> PathBuf {
    tool("debian/layout")
}

/// The Debian image's root file system as a tar archive.
pub(crate) fn debian_rootfs() -> PathBuf {
    tool("debian/rootfs.tar")
}

/// The digest that a client printed somewhere.
pub(crate) fn digest_in(printed: &str) -> String {
    let (_, rest) = printed
        .split_once("sha256:")
        .unwrap_or_else(|| panic!("no digest in what was printed:\n{printed}"));
    let hex: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
    assert_eq!(hex.len(), 64, "a digest in what was printed:\n{printed}");
    format!("sha256:{hex}")
}
