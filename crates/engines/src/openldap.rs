//! An LDAP directory (OpenLDAP's slapd) with a few people and groups, and a certificate of an authority of its own.
//!
//! What is below `dc=example,dc=com`: `ou=people`, `ou=groups`, and `cn=registry`, who may look at everything but passwords.
//! A person's `memberOf` is kept by the directory itself.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustix::process::Signal;

use crate::Error;
use crate::place::Place;
use crate::ports::Ports;
use crate::program::{PATIENCE, Program, Recipe};

const PROGRAM: &str = "/usr/sbin/slapd";
const ADMINISTRATOR: &str = "cn=admin,dc=example,dc=com";
const ADMINISTRATOR_PASSWORD: &str = "admin-of-the-directory";

/// A running directory. Killed when it is dropped.
pub struct OpenLdap {
    program: Program,
    authority: String,
    // After the program, because fields are dropped in this order.
    _place: Place,
    ports: Ports,
}

impl OpenLdap {
    /// Below which entry everything is.
    pub const SUFFIX: &str = "dc=example,dc=com";
    /// Who may look at everything but passwords.
    pub const READER: &str = "cn=registry,dc=example,dc=com";
    /// Its password.
    pub const READER_PASSWORD: &str = "reader-of-the-directory";

    /// A directory on two free ports, with nobody in it.
    pub fn start() -> Result<Self, Error> {
        if !Path::new(PROGRAM).exists() {
            return Err(Error::new(format!(
                "there is no {PROGRAM}; as root, run: apt-get install --no-install-recommends slapd ldap-utils"
            )));
        }
        let place = Place::temporary("ldap")?;
        let authority = make_certificate(place.path())?;
        let ports = Ports::take(2)?;
        let data = place.path().join("data");
        std::fs::create_dir(&data).map_err(Error::at("make", &data))?;
        let configuration = place.path().join("slapd.conf");
        std::fs::write(&configuration, text(place.path()))
            .map_err(Error::at("write", &configuration))?;
        let [plain, tls] = [ports.numbers()[0], ports.numbers()[1]];
        let recipe = Recipe {
            name: "slapd",
            program: PROGRAM.into(),
            arguments: vec![
                // In the foreground.
                "-d".to_owned(),
                "0".to_owned(),
                "-f".to_owned(),
                configuration.display().to_string(),
                "-h".to_owned(),
                format!("ldap://127.0.0.1:{plain}/ ldaps://127.0.0.1:{tls}/"),
            ],
            environment: Vec::new(),
            user: None,
            directory: place.path().to_owned(),
            end: Signal::TERM,
            when_orphaned: Some("KILL"),
        };
        let mut directory = Self {
            program: Program::new(recipe),
            authority,
            _place: place,
            ports,
        };
        directory.restart()?;
        directory.change(&format!(
            "dn: {suffix}\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: Example\n\n\
             dn: ou=people,{suffix}\nobjectClass: organizationalUnit\nou: people\n\n\
             dn: ou=groups,{suffix}\nobjectClass: organizationalUnit\nou: groups\n\n\
             dn: {reader}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: registry\n\
             userPassword: {password}\n",
            suffix = Self::SUFFIX,
            reader = Self::READER,
            password = Self::READER_PASSWORD,
        ))?;
        Ok(directory)
    }

    /// `ldap://127.0.0.1:PORT`, where StartTLS is possible.
    pub fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.ports.numbers()[0])
    }

    /// `ldaps://127.0.0.1:PORT`.
    pub fn tls_url(&self) -> String {
        format!("ldaps://127.0.0.1:{}", self.ports.numbers()[1])
    }

    /// The certificate of the authority that signed the directory's, in PEM.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Adds somebody below `ou=people`.
    pub fn add_person(&self, uid: &str, password: &str) -> Result<(), Error> {
        let entry = Self::person(uid);
        self.change(&format!(
            "dn: {entry}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid} Example\nsn: Example\n\
             mail: {uid}@example.com\nuserPassword: {password}\n"
        ))
    }

    /// Adds a group below `ou=groups`, with these people in it.
    pub fn add_group(&self, name: &str, people: &[&str]) -> Result<(), Error> {
        let mut change = format!(
            "dn: {}\nobjectClass: groupOfNames\ncn: {name}\nmember: {}\n",
            Self::group(name),
            Self::READER
        );
        for uid in people {
            _ = writeln!(change, "member: {}", Self::person(uid));
        }
        self.change(&change)
    }

    /// The name of the entry of somebody who was added.
    pub fn person(uid: &str) -> String {
        format!("uid={uid},ou=people,{}", Self::SUFFIX)
    }

    /// The name of the entry of a group that was added.
    pub fn group(name: &str) -> String {
        format!("cn={name},ou=groups,{}", Self::SUFFIX)
    }

    /// Takes somebody out of a group.
    pub fn leave_group(&self, name: &str, uid: &str) -> Result<(), Error> {
        let (group, person) = (Self::group(name), Self::person(uid));
        self.change(&format!(
            "dn: {group}\nchangetype: modify\ndelete: member\nmember: {person}\n"
        ))
    }

    /// Deletes an entry.
    pub fn delete(&self, entry: &str) -> Result<(), Error> {
        self.change(&format!("dn: {entry}\nchangetype: delete\n"))
    }

    /// Carries out changes as the directory's administrator, in LDIF; entries without a kind of change are added.
    pub fn change(&self, ldif: &str) -> Result<(), Error> {
        let what = "cannot run ldapmodify, of the Debian package ldap-utils";
        let mut child = Command::new("ldapmodify")
            .args(["-a", "-x", "-H", &self.url(), "-D", ADMINISTRATOR])
            .args(["-w", ADMINISTRATOR_PASSWORD])
            .env("LDAPNOINIT", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(Error::of(what))?;
        if let Some(mut input) = child.stdin.take() {
            input
                .write_all(ldif.as_bytes())
                .map_err(Error::of("ldapmodify"))?;
        }
        let done = child.wait_with_output().map_err(Error::of("ldapmodify"))?;
        if done.status.success() {
            return Ok(());
        }
        let complaint = String::from_utf8_lossy(&done.stderr);
        Err(Error::new(format!(
            "ldapmodify failed: {}",
            complaint.trim()
        )))
    }

    /// Ends it; its entries stay.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.program.stop()
    }

    /// Stops it where it is: connections are taken, and nothing is answered.
    pub fn pause(&self) {
        self.program.pause();
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.program.resume();
    }

    /// Starts it on the same ports, after stopping it if it runs.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.program.stop()?;
        let port = self.ports.numbers()[0];
        self.program.start(PATIENCE, |_| {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        })
    }

    /// Everything it has printed.
    pub fn log(&self) -> String {
        self.program.log()
    }
}

fn text(place: &Path) -> String {
    let place = place.display();
    format!(
        "\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
pidfile {place}/slapd.pid
TLSCertificateFile {place}/certificate.pem
TLSCertificateKeyFile {place}/key.pem

database mdb
suffix \"{suffix}\"
rootdn \"{ADMINISTRATOR}\"
rootpw {ADMINISTRATOR_PASSWORD}
directory {place}/data
index objectClass,uid,cn,member eq
overlay memberof
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact=\"{reader}\" read by * none
",
        suffix = OpenLdap::SUFFIX,
        reader = OpenLdap::READER,
    )
}

/// Writes a certificate for 127.0.0.1 and its key; returns the certificate of the authority that signed it.
fn make_certificate(place: &Path) -> Result<String, Error> {
    let failed = |error: rcgen::Error| Error::new(format!("no certificate: {error}"));
    let authority_key = KeyPair::generate().map_err(failed)?;
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let signed = authority.self_signed(&authority_key).map_err(failed)?;
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().map_err(failed)?;
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let params = CertificateParams::new(names).map_err(failed)?;
    let certificate = params.signed_by(&key, &issuer).map_err(failed)?;
    for (name, pem) in [
        ("certificate.pem", certificate.pem()),
        ("key.pem", key.serialize_pem()),
    ] {
        let path = place.join(name);
        std::fs::write(&path, pem).map_err(Error::at("write", &path))?;
    }
    Ok(signed.pem())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::output_of;

    #[test]
    fn a_directory_knows_people_and_their_groups() -> Result<(), Error> {
        let mut directory = OpenLdap::start()?;
        directory.add_person("zoe", "Secret-of-zoe-1")?;
        directory.add_group("dev", &["zoe"])?;
        let find = |directory: &OpenLdap, attribute: &str| {
            let mut search = Command::new("ldapsearch");
            search.args(["-x", "-LLL", "-o", "ldif-wrap=no", "-H", &directory.url()]);
            search.args(["-D", OpenLdap::READER, "-w", OpenLdap::READER_PASSWORD]);
            search.args(["-b", OpenLdap::SUFFIX, "(uid=zoe)", attribute]);
            output_of(search.env("LDAPNOINIT", "1"))
        };
        let group = OpenLdap::group("dev");
        assert!(find(&directory, "memberOf")?.contains(&format!("memberOf: {group}")));
        assert!(!find(&directory, "userPassword")?.contains("userPassword"));
        directory.stop()?;
        assert!(find(&directory, "uid").is_err());
        directory.restart()?;
        directory.leave_group("dev", "zoe")?;
        assert!(!find(&directory, "memberOf")?.contains("memberOf"));
        directory.delete(&OpenLdap::person("zoe"))?;
        assert!(!find(&directory, "uid")?.contains("zoe"));
        Ok(())
    }
}
