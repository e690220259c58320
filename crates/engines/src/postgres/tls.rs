//! A certificate for the server, and the authority that signed it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
};

use super::data::Installation;
use crate::Error;

/// Over TCP nobody gets in without TLS.
const WHO_MAY: &str = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";

/// Writes `ca.crt` into `directory`, and into its data what the server needs.
pub(super) fn prepare(
    installation: &Installation,
    directory: &Path,
    names: &[String],
) -> Result<(), Error> {
    let (authority, certificate, key) = make(names)
        .map_err(|error| Error::new(format!("no certificate for {names:?}: {error}")))?;
    let data = directory.join("data");
    let files = [
        (directory.join("ca.crt"), authority),
        (data.join("server.crt"), certificate),
        (data.join("server.key"), key),
        (data.join("pg_hba.conf"), WHO_MAY.to_owned()),
    ];
    for (path, text) in files {
        std::fs::write(&path, text).map_err(Error::at("write", &path))?;
        // The server refuses a key that others may read.
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&path, mode).map_err(Error::at("protect", &path))?;
        installation.own(&path)?;
    }
    Ok(())
}

/// The authority's certificate, the server's, and the server's key, all PEM.
fn make(names: &[String]) -> Result<(String, String, String), rcgen::Error> {
    let mut authority = CertificateParams::default();
    // Another name than the server's, or the server's certificate would seem to have signed itself.
    authority.distinguished_name = DistinguishedName::new();
    authority
        .distinguished_name
        .push(DnType::CommonName, "authority of a test");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(names)?.signed_by(&key, &authority)?;
    Ok((authority.pem(), certificate.pem(), key.serialize_pem()))
}
