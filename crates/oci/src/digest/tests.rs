use proptest::prelude::*;

use super::*;

const EMPTY_256: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn known_answers() {
    assert_eq!(Digest::sha256_of(b"").as_str(), EMPTY_256);
    // FIPS 180-2, appendix C.1: "abc".
    assert_eq!(
        Digest::of(Algorithm::Sha512, b"abc").as_str(),
        "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
    );
}

#[test]
fn the_parts() {
    let digest = Digest::parse(EMPTY_256).unwrap();
    assert_eq!(digest.algorithm(), Algorithm::Sha256);
    assert_eq!(digest.encoded(), &EMPTY_256[7..]);
    let digest = Digest::of(Algorithm::Sha512, b"");
    assert_eq!(
        (digest.algorithm(), digest.encoded().len()),
        (Algorithm::Sha512, 128)
    );
}

#[test]
fn the_same_bytes_under_two_algorithms_are_two_digests() {
    assert_ne!(
        Digest::of(Algorithm::Sha256, b"x"),
        Digest::of(Algorithm::Sha512, b"x")
    );
}

#[test]
fn refuses_with_the_reason() {
    let hex = "a".repeat(64);
    let cases = [
        (String::new(), DigestInvalid::NoAlgorithm),
        (hex.clone(), DigestInvalid::NoAlgorithm),
        (format!(":{hex}"), DigestInvalid::UnsupportedAlgorithm),
        (
            format!("sha1:{}", "a".repeat(40)),
            DigestInvalid::UnsupportedAlgorithm,
        ),
        (
            format!("md5:{}", "a".repeat(32)),
            DigestInvalid::UnsupportedAlgorithm,
        ),
        (format!("SHA256:{hex}"), DigestInvalid::UnsupportedAlgorithm),
        (
            format!("sha256+b64u:{hex}"),
            DigestInvalid::UnsupportedAlgorithm,
        ),
        (
            format!(" sha256:{hex}"),
            DigestInvalid::UnsupportedAlgorithm,
        ),
        (
            format!("sha256:{}", "a".repeat(63)),
            DigestInvalid::WrongLength(Algorithm::Sha256, 63),
        ),
        (
            format!("sha256:{}", "a".repeat(65)),
            DigestInvalid::WrongLength(Algorithm::Sha256, 65),
        ),
        (
            format!("sha512:{hex}"),
            DigestInvalid::WrongLength(Algorithm::Sha512, 64),
        ),
        (
            format!("sha256:{hex}\n"),
            DigestInvalid::WrongLength(Algorithm::Sha256, 65),
        ),
        (
            format!("sha256:{}", "A".repeat(64)),
            DigestInvalid::NotLowerHex,
        ),
        (
            format!("sha256:{}", "g".repeat(64)),
            DigestInvalid::NotLowerHex,
        ),
        (
            format!("sha256:../{}", "a".repeat(61)),
            DigestInvalid::NotLowerHex,
        ),
        (
            format!("sha256::{}", "a".repeat(63)),
            DigestInvalid::NotLowerHex,
        ),
        (
            format!("sha256:{}", "é".repeat(32)),
            DigestInvalid::NotLowerHex,
        ),
    ];
    for (text, why) in cases {
        assert_eq!(Digest::parse(&text), Err(why), "{text:?}");
    }
    assert_eq!(
        Digest::parse("sha256:abc").unwrap_err().to_string(),
        "a sha256 digest has 64 hexadecimal characters after the colon, not 3"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn json_round_trip(content in proptest::collection::vec(any::<u8>(), 0..64), long: bool) {
        let algorithm = if long { Algorithm::Sha512 } else { Algorithm::Sha256 };
        let digest = Digest::of(algorithm, &content);
        let json = serde_json::to_string(&digest).unwrap();
        prop_assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), digest.clone());
        prop_assert_eq!(Digest::parse(digest.as_str()).unwrap(), digest);
    }

    #[test]
    fn any_text(text in "(sha256|sha512|sha1)?:?[0-9a-gA-F]{60,66}|[a-f0-9]{128}|\\PC{0,20}") {
        crate::fuzzing::digest(text.as_bytes());
    }
}
