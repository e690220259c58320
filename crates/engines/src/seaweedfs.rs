//! SeaweedFS, an S3 store in one program that keeps the promises that Roadstead needs: conditional writes that are
//! atomic, multipart uploads, signed URLs.

mod request;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::process::Signal;

use crate::place::Place;
use crate::ports::Ports;
use crate::program::{PATIENCE, Program, Recipe};
use crate::wheels::Wheels;
use crate::{Error, kept_secret};
use request::Signer;

const ACCESS_KEY: &str = "roadstead";
const READER_KEY: &str = "reader";
/// Of stores that live for a test, on loopback; and what any store encrypts with when it is asked to.
const SECRET_KEY: &str = "for-tests-only";
/// The store takes any.
const REGION: &str = "us-east-1";
/// Written at every start: a store that answers may still be unable to store.
const PROBE_BUCKET: &str = "/engine-probe";
/// Too large to lie beside the names of objects: it needs a volume, as other objects do.
const PROBE: [u8; 8192] = [7; 8192];

/// The options that name a port, in the order in which ports are given to them; the first is that of S3.
const PORT_OPTIONS: [&str; 8] = [
    "-s3.port",
    "-s3.port.grpc",
    "-filer.port",
    "-filer.port.grpc",
    "-master.port",
    "-master.port.grpc",
    "-volume.port",
    "-volume.port.grpc",
];

/// How a store is to be started.
#[derive(Debug, Default)]
pub struct SeaweedFsBuilder {
    directory: Option<PathBuf>,
    first_port: Option<u16>,
    outlives_us: bool,
}

impl SeaweedFsBuilder {
    /// Keeps its data in this directory, and finds there what it kept before. Without this, the store begins empty and
    /// leaves nothing.
    #[must_use]
    pub fn directory(mut self, path: &Path) -> Self {
        self.directory = Some(path.to_owned());
        self
    }

    /// Serves S3 on this port, and uses the [`SeaweedFs::PORTS`] - 1 next ones among its parts, instead of free ones.
    #[must_use]
    pub fn first_port(mut self, port: u16) -> Self {
        self.first_port = Some(port);
        self
    }

    /// Goes on when this value is dropped and when this process ends.
    #[must_use]
    pub fn outliving_us(mut self) -> Self {
        self.outlives_us = true;
        self
    }

    /// Starts the store and waits until it has stored an object.
    pub fn start(self) -> Result<SeaweedFs, Error> {
        let wheels = Wheels::install()?;
        let place = match &self.directory {
            Some(path) => Place::kept(path)?,
            None => Place::temporary("s3")?,
        };
        let secret_key = if place.is_kept() {
            kept_secret(&place.path().join("secret-key"))?
        } else {
            SECRET_KEY.to_owned()
        };
        let (ports, numbers) = if let Some(first) = self.first_port {
            (None, (first..).take(SeaweedFs::PORTS).collect())
        } else {
            let ports = Ports::take(SeaweedFs::PORTS)?;
            let numbers = ports.numbers().to_vec();
            (Some(ports), numbers)
        };
        write_files(place.path(), &secret_key)?;
        let mut store = SeaweedFs {
            program: Program::new(self.recipe(&wheels, place.path(), &numbers)),
            secret_key,
            port: numbers[0],
            sockets: sockets(&numbers),
            outlives_us: self.outlives_us,
            _place: place,
            _ports: ports,
        };
        store.restart()?;
        Ok(store)
    }

    fn recipe(&self, wheels: &Wheels, directory: &Path, ports: &[u16]) -> Recipe {
        let path = |name: &str| directory.join(name).display().to_string();
        let mut arguments = vec![
            format!("-logdir={}", path("logs")),
            "server".to_owned(),
            "-ip=127.0.0.1".to_owned(),
            "-ip.bind=127.0.0.1".to_owned(),
            format!("-dir={}", path("data")),
            "-filer".to_owned(),
            "-s3".to_owned(),
            format!("-s3.config={}", path("s3.json")),
            format!("-s3.localSocket={}", path("s3.sock")),
            format!("-filer.localSocket={}", path("filer.sock")),
            // Two more faces that nobody asks for.
            "-s3.port.iceberg=0".to_owned(),
            "-s3.port.lance=0".to_owned(),
            "-master.telemetry=false".to_owned(),
            // One master elects itself: after a restart it need not listen long for others.
            "-master.electionTimeout=1s".to_owned(),
            "-master.heartbeatInterval=100ms".to_owned(),
            // A bucket has volumes of its own: many small ones, or there is room for a few buckets only.
            "-master.volumeSizeLimitMB=128".to_owned(),
            "-volume.max=10000".to_owned(),
            // Others look elsewhere for so long before a volume server ends; here is nobody else.
            "-volume.preStopSeconds=0".to_owned(),
        ];
        let ports = PORT_OPTIONS.iter().zip(ports);
        arguments.extend(ports.map(|(option, port)| format!("{option}={port}")));
        Recipe {
            name: "SeaweedFS",
            program: wheels.program("weed"),
            arguments,
            environment: vec![
                // A bucket begins with one volume, not with seven.
                ("WEED_MASTER_VOLUME_GROWTH_COPY_1", "1".to_owned()),
                // Without a key of its own it refuses to encrypt.
                ("WEED_S3_SSE_KEY", SECRET_KEY.to_owned()),
            ],
            user: None,
            directory: directory.to_owned(),
            end: Signal::TERM,
            when_orphaned: (!self.outlives_us).then_some("KILL"),
        }
    }
}

/// Who may do what, and the directories that must be there.
fn write_files(directory: &Path, secret_key: &str) -> Result<(), Error> {
    for name in ["data", "logs"] {
        let path = directory.join(name);
        std::fs::create_dir_all(&path).map_err(Error::at("make", &path))?;
    }
    let path = directory.join("s3.json");
    let text = format!(
        r#"{{"identities":[{{"name":"{ACCESS_KEY}","credentials":[{{"accessKey":"{ACCESS_KEY}","secretKey":"{secret_key}"}}],"actions":["Admin","Read","Write","List","Tagging"]}},{{"name":"{READER_KEY}","credentials":[{{"accessKey":"{READER_KEY}","secretKey":"{secret_key}"}}],"actions":["Read","List"]}}]}}"#
    );
    std::fs::write(&path, text).map_err(Error::at("write", &path))
}

/// A running S3 store with one access key that may do everything and one that may read. Killed when it is dropped.
pub struct SeaweedFs {
    program: Program,
    secret_key: String,
    port: u16,
    /// Outside its directory, and left there when it is killed.
    sockets: Vec<PathBuf>,
    outlives_us: bool,
    // After the program, because fields are dropped in this order.
    _place: Place,
    _ports: Option<Ports>,
}

impl SeaweedFs {
    /// How many ports a store uses.
    pub const PORTS: usize = PORT_OPTIONS.len();

    /// A store that differs from the default.
    pub fn builder() -> SeaweedFsBuilder {
        SeaweedFsBuilder::default()
    }

    /// An empty store of one's own, on free ports, in about 5 s.
    pub fn start() -> Result<Self, Error> {
        Self::builder().start()
    }

    /// One store for all tests of this process; each takes a bucket of its own. Fails the test if there is none.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<SeaweedFs> = OnceLock::new();
        SHARED.get_or_init(|| Self::start().unwrap_or_else(|error| panic!("{error}")))
    }

    /// `http://127.0.0.1:PORT`; buckets are addressed by path.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The port of 127.0.0.1 that S3 is served on, also after a restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The access key's id.
    pub fn access_key(&self) -> &str {
        ACCESS_KEY
    }

    /// The access key's secret.
    pub fn secret_key(&self) -> &str {
        &self.secret_key
    }

    /// An access key that may read and list and nothing else, and its secret.
    pub fn reader(&self) -> (&str, &str) {
        (READER_KEY, &self.secret_key)
    }

    /// The region that requests are to be signed for.
    pub fn region(&self) -> &str {
        REGION
    }

    /// Makes a bucket; one that is there already is an error. `name` has 3 to 63 small letters, digits and hyphens.
    pub fn create_bucket(&self, name: &str) -> Result<(), Error> {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !(3..=63).contains(&name.len()) || !name.chars().all(is_plain) {
            return Err(Error::new(format!(
                "{name:?} is no name for a bucket: 3 to 63 small letters, digits and hyphens"
            )));
        }
        let answer = self.signer().send("PUT", &format!("/{name}"), b"")?;
        match answer.status {
            200 => Ok(()),
            _ => Err(answer.error(&format!("the bucket {name} is not made"))),
        }
    }

    /// The names of all objects of a bucket, at most 1000 of them.
    pub fn list_objects(&self, bucket: &str) -> Result<Vec<String>, Error> {
        let answer = self.signer().send("GET", &format!("/{bucket}"), b"")?;
        if answer.status != 200 || answer.text.contains("<IsTruncated>true") {
            return Err(answer.error(&format!("the bucket {bucket} is not listed")));
        }
        let names = answer.text.split("<Key>").skip(1);
        let names = names.filter_map(|rest| Some(rest.split_once("</Key>")?.0.to_owned()));
        Ok(names.collect())
    }

    /// Makes an object, or replaces it. Names need no escapes.
    pub fn put_object(&self, bucket: &str, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = format!("/{bucket}/{name}");
        let answer = self.signer().send("PUT", &path, bytes)?;
        match answer.status {
            200 => Ok(()),
            _ => Err(answer.error(&format!("{path} is not stored"))),
        }
    }

    /// Removes an object.
    pub fn delete_object(&self, bucket: &str, name: &str) -> Result<(), Error> {
        let path = format!("/{bucket}/{name}");
        let answer = self.signer().send("DELETE", &path, b"")?;
        match answer.status {
            204 => Ok(()),
            _ => Err(answer.error(&format!("{path} is not removed"))),
        }
    }

    /// The store's process; 0 when it does not run.
    pub fn pid(&self) -> u32 {
        self.program.id()
    }

    /// Everything that it has printed; its parts log in files of their own.
    pub fn log(&self) -> String {
        self.program.log()
    }

    /// Ends it well, which takes it 15 s.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.program.stop()
    }

    /// Ends it as a crash would. It keeps what was stored.
    pub fn kill(&mut self) {
        self.program.kill();
        for socket in &self.sockets {
            // Not there if it had no time to make it.
            _ = std::fs::remove_file(socket);
        }
    }

    /// Makes it stand still: connections stay open, nothing is answered.
    pub fn pause(&self) {
        self.program.pause();
    }

    /// Lets it go on after [`Self::pause`].
    pub fn resume(&self) {
        self.program.resume();
    }

    /// Starts it on the same data and ports, after stopping it if it runs.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.program.stop()?;
        let signer = Signer {
            port: self.port,
            access_key: ACCESS_KEY,
            secret_key: &self.secret_key,
            region: REGION,
        };
        self.program.start(PATIENCE, |_| can_store(&signer))
    }

    fn signer(&self) -> Signer<'_> {
        Signer {
            port: self.port,
            access_key: ACCESS_KEY,
            secret_key: &self.secret_key,
            region: REGION,
        }
    }
}

impl Drop for SeaweedFs {
    fn drop(&mut self) {
        if !self.outlives_us {
            self.kill();
        }
    }
}

/// Where its parts talk to each other; SeaweedFS lets nobody choose.
fn sockets(ports: &[u16]) -> Vec<PathBuf> {
    let grpc_ports = PORT_OPTIONS.iter().zip(ports);
    let socket = |(option, port): (&&str, &u16)| {
        let part = option.strip_suffix(".port.grpc")?.strip_prefix('-')?;
        Some(format!("/tmp/seaweedfs-{part}-grpc-{port}.sock").into())
    };
    grpc_ports.filter_map(socket).collect()
}

/// Whether a bucket can be made (or is there), and an object in it written and read.
fn can_store(signer: &Signer<'_>) -> bool {
    let object = format!("{PROBE_BUCKET}/probe");
    let status = |method, path: &str, body: &[u8]| {
        let answer = signer.send(method, path, body);
        answer.map_or(0, |answer| answer.status)
    };
    matches!(status("PUT", PROBE_BUCKET, b""), 200 | 409)
        && status("PUT", &object, &PROBE) == 200
        && status("GET", &object, b"") == 200
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_killed_and_comes_back_with_what_was_stored() -> Result<(), Error> {
        let mut store = SeaweedFs::start()?;
        store.create_bucket("kept")?;
        assert!(store.create_bucket("kept").is_err());
        let text = "x".repeat(100_000);
        let put = store
            .signer()
            .send("PUT", "/kept/object", text.as_bytes())?;
        assert_eq!(put.status, 200, "{}", put.text);
        store.kill();
        assert!(store.signer().send("GET", "/kept/object", b"").is_err());
        store.restart()?;
        let got = store.signer().send("GET", "/kept/object", b"")?;
        assert_eq!(got.status, 200, "{}", got.text);
        assert!(got.text == text);
        let (pid, sockets) = (store.pid(), store.sockets.clone());
        assert!(sockets.len() == 4 && sockets.iter().all(|socket| socket.exists()));
        drop(store);
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
        assert!(!sockets.iter().any(|socket| socket.exists()));
        Ok(())
    }

    #[test]
    fn tests_share_a_store_that_knows_its_one_key() -> Result<(), Error> {
        let shared = SeaweedFs::shared();
        for number in 0..20 {
            let bucket = format!("shared-{number}");
            shared.create_bucket(&bucket)?;
            let put = shared.signer().send("PUT", &format!("/{bucket}/a"), b"1")?;
            assert_eq!(put.status, 200, "{bucket}: {}", put.text);
        }
        let put = shared.signer().send("PUT", "/shared-1/b/c", b"2")?;
        assert_eq!(put.status, 200, "{}", put.text);
        assert_eq!(shared.list_objects("shared-1")?, ["a", "b/c"]);
        let stranger = Signer {
            secret_key: "guessed",
            ..shared.signer()
        };
        assert_eq!(stranger.send("GET", "/shared-1/a", b"")?.status, 403);
        Ok(())
    }
}
