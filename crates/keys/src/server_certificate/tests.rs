use super::*;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, SignatureAlgorithm,
    date_time_ymd,
};

/// A certificate of an RSA key of 1024 bits.
const WEAK_CERTIFICATE: &str = include_str!("weak.crt.pem");

struct Made {
    leaf: String,
    issuer: String,
    key: String,
}

fn made(names: &[&str], algorithm: &'static SignatureAlgorithm) -> Made {
    made_with(names, algorithm, |_| {})
}

fn made_with(
    names: &[&str],
    algorithm: &'static SignatureAlgorithm,
    change: impl FnOnce(&mut CertificateParams),
) -> Made {
    let authority_key = KeyPair::generate().expect("a key");
    let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority
        .distinguished_name
        .push(DnType::CommonName, "An Authority");
    authority.not_after = date_time_ymd(2048, 1, 1);
    let issuer_certificate = authority
        .self_signed(&authority_key)
        .expect("a certificate");
    let key = KeyPair::generate_for(algorithm).expect("a key");
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut parameters = CertificateParams::new(names).expect("parameters");
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters
        .distinguished_name
        .push(DnType::CommonName, "Acme");
    parameters.not_before = date_time_ymd(2020, 1, 2);
    parameters.not_after = date_time_ymd(2049, 12, 31);
    change(&mut parameters);
    let issuer = Issuer::new(authority, authority_key);
    let leaf = parameters.signed_by(&key, &issuer).expect("a certificate");
    Made {
        leaf: leaf.pem(),
        issuer: issuer_certificate.pem(),
        key: key.serialize_pem(),
    }
}

fn parse(chain: &str, key: &str) -> Result<ServerCertificate, CertificateRejected> {
    ServerCertificate::parse(chain, &SecretString::new(key))
}

fn rejected(chain: &str, key: &str) -> CertificateRejected {
    parse(chain, key).expect_err("it is rejected")
}

#[test]
fn what_a_certificate_says_is_read_and_only_the_two_are_kept() {
    for algorithm in [
        &PKCS_ECDSA_P256_SHA256,
        &PKCS_ECDSA_P384_SHA384,
        &PKCS_ED25519,
    ] {
        let Made { leaf, issuer, key } = made(&["registry.acme.example", "*.acme.test"], algorithm);
        // As people paste it: with the key in the chain, and words around.
        let chain = format!("mine\n{leaf}{key}\n{issuer}\n");
        let found = parse(&chain, &key).expect("both are good");
        let facts = found.facts();
        assert_eq!(facts.subject, "CN=Acme");
        assert!(facts.issuer.contains("CN=An Authority"), "{facts:?}");
        assert_eq!(facts.names, ["registry.acme.example", "*.acme.test"]);
        assert_eq!(facts.begins_at_ms, 1_577_923_200_000);
        // The issuer ends first.
        assert_eq!(facts.ends_at_ms, 2_461_449_600_000);
        assert_eq!(facts.fingerprint.len(), 64);
        for (host, is_covered) in [
            ("registry.acme.example", true),
            ("a.acme.test", true),
            ("acme.test", false),
            ("a.b.acme.test", false),
            ("acme.example", false),
            ("192.0.2.1", false),
            ("", false),
        ] {
            assert_eq!(found.covers(host), is_covered, "{host}");
        }
        assert!(!found.chain_pem().contains("PRIVATE"));
        let again = parse(
            &found.chain_pem(),
            found.key_pem().expose().to_owned().as_str(),
        );
        assert_eq!(again.expect("its own texts").facts(), facts);
        assert!(!format!("{found:?}").contains("PRIVATE"));
    }
}

#[test]
fn what_does_not_belong_together_or_is_too_much_is_rejected() {
    use CertificateRejected as R;
    let Made { leaf, issuer, key } = made(&["a.example"], &PKCS_ECDSA_P256_SHA256);
    let other = made(&["a.example"], &PKCS_ECDSA_P256_SHA256);
    assert_eq!(rejected(&leaf, &other.key), R::Mismatch);
    assert_eq!(rejected(&format!("{issuer}{leaf}"), &key), R::OutOfOrder(1));
    assert_eq!(
        rejected(&format!("{leaf}{issuer}{leaf}"), &key),
        R::OutOfOrder(2)
    );
    for nothing in ["", "hello", &key] {
        assert_eq!(rejected(nothing, &key), R::NoChain, "{nothing}");
    }
    let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    for nothing in ["", "hello", &leaf, &encrypted] {
        assert_eq!(rejected(&leaf, nothing), R::NoKey, "{nothing}");
    }
    let damaged = pem("CERTIFICATE", b"hello");
    assert_eq!(rejected(&damaged, &key), R::Unreadable(1));
    assert_eq!(
        rejected(&format!("{leaf}{damaged}"), &key),
        R::Unreadable(2)
    );
    assert_eq!(rejected(&leaf.repeat(11), &key), R::ChainTooLong);
    assert_eq!(
        rejected(&" ".repeat(MAX_CHAIN_BYTES + 1), &key),
        R::ChainTooLong
    );
    assert_eq!(
        rejected(&leaf, &" ".repeat(MAX_KEY_BYTES + 1)),
        R::KeyTooLong
    );
    let client = made_with(&["a.example"], &PKCS_ECDSA_P256_SHA256, |parameters| {
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    assert_eq!(rejected(&client.leaf, &client.key), R::Purpose);
}

#[test]
fn weak_keys_and_odd_curves_are_rejected() {
    let odd = made(&["a.example"], &rcgen::PKCS_ECDSA_P521_SHA512);
    let weak = rejected(WEAK_CERTIFICATE, &odd.key);
    assert_eq!(weak, CertificateRejected::KeyKind);
    assert_eq!(rejected(&odd.leaf, &odd.key), CertificateRejected::KeyKind);
}

#[test]
fn no_damage_to_a_certificate_makes_it_panic() {
    let Made { leaf, key, .. } = made(&["a.example"], &PKCS_ECDSA_P256_SHA256);
    let der = CertificateDer::from_pem_slice(leaf.as_bytes()).expect("DER");
    for at in 0..der.len() {
        let mut damaged = der.to_vec();
        damaged[at] ^= 0x15;
        // Whatever comes of it: nothing signs for the certificate here.
        let _ = parse(&pem("CERTIFICATE", &damaged), &key);
        let _ = parse(&pem("CERTIFICATE", &der[..at]), &key);
    }
}
