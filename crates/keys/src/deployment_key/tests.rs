use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Barrier;

use proptest::prelude::*;

use super::file::is_private;
use super::*;
use crate::random::{SeededRandom, SystemRandom};

const A: Purpose = Purpose::WEBHOOK_SECRET;
const B: Purpose = Purpose::UPSTREAM_SECRET;

fn key() -> DeploymentKey {
    DeploymentKey::from_bytes(&[7; KEY_LENGTH])
}

#[test]
fn a_key_is_created_once_private_and_alone_in_its_directory() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("deployment.key");
    let created = DeploymentKey::load_or_create(&path, &SystemRandom).unwrap();
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o7777, 0o600);
    assert_eq!(metadata.len(), 32);
    let entries = fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(entries, 1, "nothing unfinished is left");

    let sealed = created.seal(A, "1", b"secret");
    let loaded = DeploymentKey::load_or_create(&path, &SystemRandom).unwrap();
    assert_eq!(loaded.id(), created.id());
    assert_eq!(loaded.unseal(A, "1", &sealed).unwrap().expose(), b"secret");
    assert_eq!(DeploymentKey::load(&path).unwrap().id(), created.id());
}

#[test]
fn processes_that_start_together_get_one_key() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("deployment.key");
    let barrier = Barrier::new(8);
    let ids: Vec<String> = std::thread::scope(|scope| {
        let start = || {
            barrier.wait();
            let key = DeploymentKey::load_or_create(&path, &SystemRandom).unwrap();
            key.id().to_owned()
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[test]
fn a_file_that_others_may_read_or_change_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("deployment.key");
    fs::write(&path, [1; 32]).unwrap();
    for mode in [0o644, 0o640, 0o604, 0o620, 0o602, 0o601] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = DeploymentKey::load_or_create(&path, &SystemRandom).unwrap_err();
        assert!(
            matches!(error, KeyFileError::Exposed { .. }),
            "{mode:o}: {error}"
        );
        assert!(error.to_string().contains("0600"), "{error}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    DeploymentKey::load_or_create(&path, &SystemRandom).unwrap();
}

#[test]
fn who_may_own_the_file_and_with_which_mode() {
    let (root, us, other) = (0, 1_000, 1_001);
    assert!(is_private(0o100_600, us, us));
    assert!(is_private(0o100_400, us, us));
    assert!(!is_private(0o100_640, us, us));
    assert!(!is_private(0o100_640, root, root));
    assert!(
        is_private(0o100_640, root, us),
        "a secret mounted for our group"
    );
    assert!(is_private(0o100_440, root, us));
    assert!(!is_private(0o100_660, root, us));
    assert!(!is_private(0o100_644, root, us));
    assert!(!is_private(0o100_600, other, us), "its owner can change it");
}

#[test]
fn a_file_of_another_length_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("deployment.key");
    for length in [0, 31, 33, 64] {
        fs::write(&path, vec![1; length]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let error = DeploymentKey::load_or_create(&path, &SystemRandom).unwrap_err();
        assert!(
            matches!(error, KeyFileError::WrongLength { length: found, .. } if found == length as u64),
            "{error}"
        );
        assert_eq!(fs::read(&path).unwrap().len(), length);
    }
}

#[test]
fn only_a_regular_file_in_an_existing_directory_will_do() {
    let directory = tempfile::tempdir().unwrap();
    let error = DeploymentKey::load_or_create(directory.path(), &SystemRandom).unwrap_err();
    assert!(matches!(error, KeyFileError::NotAFile { .. }), "{error}");

    let pipe = directory.path().join("pipe");
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::Mode::from_raw_mode(0o600),
    )
    .unwrap();
    let error = DeploymentKey::load_or_create(&pipe, &SystemRandom).unwrap_err();
    assert!(matches!(error, KeyFileError::NotAFile { .. }), "{error}");

    let nowhere = directory.path().join("missing/deployment.key");
    let error = DeploymentKey::load_or_create(&nowhere, &SystemRandom).unwrap_err();
    assert!(
        matches!(
            error,
            KeyFileError::Io {
                action: "create",
                ..
            }
        ),
        "{error}"
    );

    let missing = directory.path().join("deployment.key");
    let error = DeploymentKey::load(&missing).unwrap_err();
    assert!(matches!(error, KeyFileError::Missing { .. }), "{error}");
    assert!(!missing.exists());
}

#[test]
fn what_is_sealed_opens_only_for_its_purpose_and_context() {
    let key = key();
    let sealed = key.seal(A, "row 1", b"secret");
    assert_eq!(key.unseal(A, "row 1", &sealed).unwrap().expose(), b"secret");
    assert_eq!(key.unseal(B, "row 1", &sealed), Err(UnsealError::Refused));
    assert_eq!(key.unseal(A, "row 2", &sealed), Err(UnsealError::Refused));
    assert_eq!(key.unseal(A, "", &sealed), Err(UnsealError::Refused));
    assert_ne!(
        key.seal(A, "row 1", b"secret"),
        sealed,
        "a nonce is never used twice"
    );
}

#[test]
fn another_deployments_key_is_named_in_the_error() {
    let other = DeploymentKey::from_bytes(&[8; KEY_LENGTH]);
    let sealed = other.seal(A, "1", b"secret");
    let error = key().unseal(A, "1", &sealed).unwrap_err();
    assert!(error.to_string().contains(other.id()), "{error}");
    // With the id forged, the bytes still do not open.
    let forged = sealed.replace(other.id(), key().id());
    assert_eq!(key().unseal(A, "1", &forged), Err(UnsealError::Refused));
}

#[test]
fn texts_that_were_never_sealed_are_malformed() {
    let id = key().id().to_owned();
    for text in [
        String::new(),
        "v1".into(),
        "v1..".into(),
        format!("v2.{id}.AAAA"),
        format!("v1.{id}"),
        format!("v1.{id}."),
        format!("v1.{id}.AAAA"),
        format!("v1.{id}.{}", "A".repeat(36)),
        format!("v1.{id}.{}=", "A".repeat(43)),
        format!("v1.{id}.not base64 at all, whatever its length is"),
        format!("v1.{}.AAAA", "\u{1b}[31m".repeat(4)),
        format!("v1.{}.AAAA", "a".repeat(10_000)),
    ] {
        assert_eq!(
            key().unseal(A, "1", &text),
            Err(UnsealError::Malformed),
            "{text}"
        );
    }
}

#[test]
fn keyed_hashes_differ_by_purpose_key_and_secret_and_stay_the_same() {
    let hash = key().keyed_hash(Purpose::ROBOT_SECRET, b"secret");
    assert_eq!(hash.len(), 64);
    assert_eq!(hash, key().keyed_hash(Purpose::ROBOT_SECRET, b"secret"));
    assert_ne!(
        hash,
        key().keyed_hash(Purpose::PERSONAL_ACCESS_TOKEN, b"secret")
    );
    assert_ne!(hash, key().keyed_hash(Purpose::ROBOT_SECRET, b"Secret"));
    let other = DeploymentKey::from_bytes(&[8; KEY_LENGTH]);
    assert_ne!(hash, other.keyed_hash(Purpose::ROBOT_SECRET, b"secret"));
    assert!(key().matches_keyed_hash(Purpose::ROBOT_SECRET, b"secret", &hash));
    assert!(!key().matches_keyed_hash(Purpose::ROBOT_SECRET, b"secret", &hash[1..]));
    assert!(!key().matches_keyed_hash(Purpose::ROBOT_SECRET, b"other", &hash));
}

/// Databases hold what these make: a change here locks every deployment out of its secrets.
#[test]
fn derivations_stay_as_they_were_released() {
    assert_eq!(key().id(), "34596dff9fb47421");
    assert_eq!(
        key().keyed_hash(Purpose::ROBOT_SECRET, b"secret"),
        "147ff7526539c344bb7715ad3a29369cbbdd99047fdf0ce577a8a87862a1dc66"
    );
    let sealed = "v1.34596dff9fb47421.8bRrqFvDhfS9nFFZcuDnDL07XVyPILJrzpsuw_PUH6NfgQ";
    assert_eq!(key().unseal(A, "1", sealed).unwrap().expose(), b"secret");
}

#[test]
fn nothing_of_the_key_is_printed() {
    let printed = format!("{:?}", key());
    assert_eq!(
        printed,
        format!("DeploymentKey {{ id: {:?}, .. }}", key().id())
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn sealing_gives_back_any_bytes(
        plaintext in proptest::collection::vec(any::<u8>(), 0..2_000),
        context in ".{0,40}",
        seed in any::<u64>(),
    ) {
        let mut bytes = [0; KEY_LENGTH];
        SeededRandom::new(seed).fill(&mut bytes);
        let key = DeploymentKey::from_bytes(&bytes);
        let sealed = key.seal(A, &context, &plaintext);
        prop_assert!(sealed.len() <= 58 + plaintext.len().div_ceil(3) * 4);
        let opened = key.unseal(A, &context, &sealed).unwrap();
        prop_assert_eq!(opened.expose(), plaintext.as_slice());
    }

    #[test]
    fn any_change_is_noticed(
        plaintext in proptest::collection::vec(any::<u8>(), 0..200),
        position in any::<prop::sample::Index>(),
        replacement in any::<char>(),
    ) {
        let sealed = key().seal(A, "1", &plaintext);
        let mut characters: Vec<char> = sealed.chars().collect();
        let position = position.index(characters.len());
        prop_assume!(characters[position] != replacement);
        characters[position] = replacement;
        let changed: String = characters.into_iter().collect();
        prop_assert!(key().unseal(A, "1", &changed).is_err());
    }

    #[test]
    fn cutting_off_or_adding_is_noticed(
        plaintext in proptest::collection::vec(any::<u8>(), 0..200),
        length in any::<prop::sample::Index>(),
        added in "[A-Za-z0-9_-]{1,8}",
    ) {
        let sealed = key().seal(A, "1", &plaintext);
        prop_assert!(key().unseal(A, "1", &sealed[..length.index(sealed.len())]).is_err());
        prop_assert!(key().unseal(A, "1", &(sealed + &added)).is_err());
    }
}
